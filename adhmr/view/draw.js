// Bodies, the photograph, its frustum and spheres at joints, in WebGL 2.
const BODY_VERTEX = `#version 300 es
in vec3 step16; in vec3 normal8; uniform mat4 view, clip; uniform vec3 centre; uniform float half_m; out vec3 normal;
void main() { normal = mat3(view) * normal8; gl_Position = clip * view * vec4(centre + half_m * step16, 1.0); }`;
const BODY_PIXEL = `#version 300 es
precision mediump float; in vec3 normal; uniform vec4 colour; out vec4 pixel;
void main() {
  vec3 n = normalize(normal); if (!gl_FrontFacing) n = -n;
  float lamp = max(dot(n, normalize(vec3(-0.45, 0.6, 0.75))), 0.0), fill = max(dot(n, normalize(vec3(0.7, -0.1, 0.5))), 0.0);
  vec3 lit = colour.rgb * (0.38 + 0.62 * lamp + 0.14 * fill) + 0.10 * pow(lamp, 12.0);
  pixel = vec4(lit * mix(0.72, 1.0, smoothstep(0.0, 0.45, n.z)), colour.a);
}`;
const FLAT_VERTEX = `#version 300 es
in vec3 place; in vec2 uv; uniform mat4 view, clip; out vec2 at;
void main() { at = uv; gl_Position = clip * view * vec4(place, 1.0); }`;
const FLAT_PIXEL = `#version 300 es
precision mediump float; in vec2 at; uniform sampler2D picture; uniform vec4 colour; uniform bool textured; out vec4 pixel;
void main() { pixel = textured ? vec4(texture(picture, at).rgb, 1.0) : colour; }`;

function program(gl, vertex, pixel) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, pixel]]) {
    const shader = gl.createShader(kind); gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) || "shaders do not link");
  const at = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) { const u = gl.getActiveUniform(made, i); at[u.name] = gl.getUniformLocation(made, u.name); }
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_ATTRIBUTES); i++) { const a = gl.getActiveAttrib(made, i); at[a.name] = gl.getAttribLocation(made, a.name); }
  return { made, at };
}
function bytes(text) { const s = atob(text), out = new Uint8Array(s.length); for (let i = 0; i < s.length; i++) out[i] = s.charCodeAt(i); return out.buffer; }
function colourOf(hex) { return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255); }

// Mean of the normals of a vertex's faces, weighted by their areas; steps: int16 of one body.
function normalsOf(steps, faces) {
  const sum = new Float32Array(steps.length);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
    const ux = steps[b] - steps[a], uy = steps[b + 1] - steps[a + 1], uz = steps[b + 2] - steps[a + 2];
    const vx = steps[c] - steps[a], vy = steps[c + 1] - steps[a + 1], vz = steps[c + 2] - steps[a + 2];
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    for (const i of [a, b, c]) { sum[i] += x; sum[i + 1] += y; sum[i + 2] += z; }
  }
  const out = new Int8Array(steps.length / 3 * 4);
  for (let i = 0, o = 0; i < sum.length; i += 3, o += 4) {
    const l = Math.hypot(sum[i], sum[i + 1], sum[i + 2]) || 1;
    for (let k = 0; k < 3; k++) out[o + k] = Math.round(127 * sum[i + k] / l);
  }
  return out;
}
function ball(rings, around) {
  const points = [], faces = [];
  for (let r = 0; r <= rings; r++) for (let a = 0; a <= around; a++) {
    const t = Math.PI * r / rings, p = 2 * Math.PI * a / around;
    points.push(Math.sin(t) * Math.cos(p), Math.cos(t), Math.sin(t) * Math.sin(p));
    if (r < rings && a < around) { const i = r * (around + 1) + a, j = i + around + 1; faces.push(i, i + 1, j, i + 1, j + 1, j); }
  }
  return { points, faces };
}

class Drawer {
  constructor(canvas) {
    const gl = this.gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
    if (!gl) throw new Error("this browser has no WebGL 2, which draws the bodies");
    this.canvas = canvas; this.body = program(gl, BODY_VERTEX, BODY_PIXEL); this.flat = program(gl, FLAT_VERTEX, FLAT_PIXEL);
    this.held = []; this.sphere = this.sphereMesh(); this.texture = null; this.pieces = gl.createBuffer();
  }
  buffer(kind, data) { const made = this.gl.createBuffer(); this.gl.bindBuffer(kind, made); this.gl.bufferData(kind, data, this.gl.STATIC_DRAW); this.held.push(made); return made; }
  mesh(steps, normals, index, count) {
    const gl = this.gl, a = this.body.at, array = gl.createVertexArray(); gl.bindVertexArray(array);
    for (const [at, data, type, stride] of [[a.step16, steps, gl.SHORT, 6], [a.normal8, normals, gl.BYTE, 4]]) {
      this.buffer(gl.ARRAY_BUFFER, data); gl.enableVertexAttribArray(at); gl.vertexAttribPointer(at, 3, type, true, stride, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, index); gl.bindVertexArray(null);
    return { array, count };
  }
  sphereMesh() {
    const { points, faces } = ball(24, 36), gl = this.gl;
    const normals = new Int8Array(points.length / 3 * 4); points.forEach((c, i) => { normals[4 * Math.floor(i / 3) + i % 3] = Math.round(127 * c); });
    const index = this.buffer(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(faces));
    const made = this.mesh(Int16Array.from(points, c => Math.round(32767 * c)), normals, index, faces.length);
    this.held = [];
    return made;
  }
  // All bodies of one photograph's shots; what was held of the last one is let go.
  load(shots, bodies) {
    const gl = this.gl; for (const b of this.held) gl.deleteBuffer(b); for (const m of this.arrays || []) gl.deleteVertexArray(m); this.held = []; this.arrays = [];
    const index = new Map();
    this.people = shots.map(shot => shot === null ? [] : shot.people.map(person => {
      const faces = new Uint32Array(bytes(bodies[shot.body].faces)), all = new Int16Array(bytes(person.points)), each = all.length / person.score.length;
      if (!index.has(shot.body)) index.set(shot.body, this.buffer(gl.ELEMENT_ARRAY_BUFFER, faces));
      return person.score.map((_, k) => {
        const steps = all.slice(k * each, (k + 1) * each), made = this.mesh(steps, normalsOf(steps, faces), index.get(shot.body), faces.length);
        this.arrays.push(made.array);
        return { ...made, centre: person.centre[k], half: person.half[k], colour: colourOf(person.colours[k]) };
      });
    }));
  }
  show(image) {
    const gl = this.gl; if (this.texture) gl.deleteTexture(this.texture); this.texture = null; if (!image) return;
    this.texture = gl.createTexture(); gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image); gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  }
  begin(room) {
    const gl = this.gl, dense = Math.min(2, devicePixelRatio || 1), w = Math.round(this.canvas.clientWidth * dense), h = Math.round(this.canvas.clientHeight * dense);
    if (this.canvas.width !== w || this.canvas.height !== h) { this.canvas.width = w; this.canvas.height = h; }
    gl.disable(gl.SCISSOR_TEST); gl.viewport(0, 0, w, h); gl.clearColor(...room, 1); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST); gl.enable(gl.CULL_FACE); gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA); gl.enable(gl.SCISSOR_TEST);
  }
  // pane: x, y, w, h as shares of the canvas, from its top left.
  pane(pane, matrices) {
    const gl = this.gl, W = this.canvas.width, H = this.canvas.height;
    const box = [Math.round(pane.x * W), Math.round((1 - pane.y - pane.h) * H), Math.round(pane.w * W), Math.round(pane.h * H)];
    gl.viewport(...box); gl.scissor(...box); gl.clear(gl.DEPTH_BUFFER_BIT);
    for (const p of [this.body, this.flat]) { gl.useProgram(p.made); gl.uniformMatrix4fv(p.at.view, false, matrices.view); gl.uniformMatrix4fv(p.at.clip, false, matrices.clip); }
  }
  flatPieces(mode, numbers, colour, textured) {   // numbers: x y z u v for each point
    const gl = this.gl, { made, at } = this.flat; gl.useProgram(made); gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.pieces); gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.DYNAMIC_DRAW);
    for (const [a, size, from] of [[at.place, 3, 0], [at.uv, 2, 12]]) { gl.enableVertexAttribArray(a); gl.vertexAttribPointer(a, size, gl.FLOAT, false, 20, from); }
    gl.uniform1i(at.textured, textured ? 1 : 0); gl.uniform4f(at.colour, ...colour);
    if (textured) gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.disable(gl.CULL_FACE); gl.depthMask(false); gl.drawArrays(mode, 0, numbers.length / 5); gl.depthMask(true); gl.enable(gl.CULL_FACE);
  }
  // The photograph is drawn first and hides nothing: from behind one looks through it at the bodies.
  photograph(corners) { const [a, b, c, d] = [[0, 0], [1, 0], [1, 1], [0, 1]].map((uv, i) => [...corners[i], ...uv]); if (this.texture) this.flatPieces(this.gl.TRIANGLES, [...a, ...b, ...c, ...a, ...c, ...d], [1, 1, 1, 1], true); }
  frustum(corners, colour) {
    const ends = []; corners.forEach((c, i) => ends.push(0, 0, 0, 0, 0, ...c, 0, 0, ...c, 0, 0, ...corners[(i + 1) % 4], 0, 0));
    this.flatPieces(this.gl.LINES, ends, colour, false);
  }
  // One body or sphere. A clear one is drawn twice, depth first, so that its own far side is not seen through it; of several clear
  // ones the far ones have to come first.
  mould(mesh, centre, half, colour, opacity) {
    const gl = this.gl, { made, at } = this.body, clear = opacity < 1; gl.useProgram(made); gl.bindVertexArray(mesh.array);
    gl.uniform3f(at.centre, ...centre); gl.uniform1f(at.half_m, half); gl.uniform4f(at.colour, ...colour, opacity);
    const piece = () => gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    if (clear) { gl.colorMask(false, false, false, false); piece(); gl.colorMask(true, true, true, true); gl.enable(gl.BLEND); gl.depthFunc(gl.LEQUAL); }
    piece();
    if (clear) { gl.disable(gl.BLEND); gl.depthFunc(gl.LESS); }
    gl.bindVertexArray(null);
  }
  // pieces: {mesh, centre, half, colour, opacity}; back: from what is looked at to the viewer.
  clearOnes(pieces, back) {
    for (const p of [...pieces].sort((a, b) => V.dot(back, a.centre) - V.dot(back, b.centre))) this.mould(p.mesh, p.centre, p.half, p.colour, p.opacity);
  }
  forgetDepth() { this.gl.clear(this.gl.DEPTH_BUFFER_BIT); }
}
