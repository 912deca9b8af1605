"""Winner over loser: preference pairs and Diffusion-DPO of the generator's denoiser."""
