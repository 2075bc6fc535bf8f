"""What `matfact.PCA` is a shell of: what it was asked for, the ways to a fit, and the axes that are kept of one."""
