// Where the picture is looked at from. World: x right, y up, z towards the viewer, metres; the photograph's camera at the origin.
// Turning goes about a point among the people. Zoom and shift act on the drawn picture, so that seen from the camera the bodies lie
// over the photograph exactly, however near one looks.
const V = {
  sub: (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]],
  dot: (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2],
  cross: (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]],
  unit: a => { const l = Math.hypot(a[0], a[1], a[2]) || 1; return [a[0] / l, a[1] / l, a[2] / l]; },
};
const STEEPEST = 1.5;

class Orbit {
  constructor() { this.home(); }
  home() { this.yaw = 0; this.pitch = 0; this.zoom = 1; this.shift = [0, 0]; }
  get atHome() { return this.yaw === 0 && this.pitch === 0; }
  turn(yaw, pitch) { this.yaw += yaw; this.pitch = Math.max(-3, Math.min(3, this.pitch + pitch)); }
  by(factor) { this.zoom = Math.max(0.1, Math.min(40, this.zoom * factor)); }
  move(x, y) { this.shift = [this.shift[0] + x, this.shift[1] + y]; }

  // Rows of the rotation to the viewer's frame, and the eye. target: world point that is turned about.
  pose(target) {
    const away = Math.hypot(...target) || 1, u = V.unit(target.map(c => -c));
    const yaw = Math.atan2(u[0], u[2]) + this.yaw, pitch = Math.max(-STEEPEST, Math.min(STEEPEST, Math.asin(u[1]) + this.pitch));
    const back = [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
    const right = V.unit(V.cross([0, 1, 0], back));
    const eye = this.atHome ? [0, 0, 0] : [0, 1, 2].map(i => target[i] + away * back[i]);
    return { right, up: V.cross(back, right), back, eye };
  }
  // Scale of x / -z to half the pane's height at which all points (of the photograph, or of a person) are seen from the camera.
  fit(target, points, aspect) {
    const p = new Orbit().pose(target);
    let wide = 1e-3, high = 1e-3;
    for (const point of points) {
      const z = -V.dot(p.back, point); if (z < 0.05) continue;
      wide = Math.max(wide, Math.abs(V.dot(p.right, point)) / z); high = Math.max(high, Math.abs(V.dot(p.up, point)) / z);
    }
    return 0.97 * Math.min(aspect / wide, 1 / high);
  }
  // World to viewer and viewer to clip, both by columns for WebGL.
  matrices(target, scale, aspect) {
    const p = this.pose(target), near = 0.05, far = 300, s = scale * this.zoom, t = [p.right, p.up, p.back].map(r => -V.dot(r, p.eye));
    const view = [p.right[0], p.up[0], p.back[0], 0, p.right[1], p.up[1], p.back[1], 0, p.right[2], p.up[2], p.back[2], 0, ...t, 1];
    const clip = [s / aspect, 0, 0, 0, 0, s, 0, 0, -this.shift[0], -this.shift[1], (far + near) / (near - far), -1, 0, 0, 2 * far * near / (near - far), 0];
    return { view: new Float32Array(view), clip: new Float32Array(clip) };
  }
}
