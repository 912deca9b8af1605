"""Bodies as files of other programs: meshes, skinned scenes, motion, SMPL parameters, training labels (docs/exports.md)."""
