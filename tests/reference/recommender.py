"""Objectives of the recommenders in float64 over all pairs, and their gradients by users and by items."""

import numpy as np


def implicit(x, w, h, *, alpha, unobserved_weight, l2, l2_scaling):
    """The objective of ImplicitMF and its gradients; x is dense, 0 = nothing stored."""
    w, h = np.asarray(w, np.float64), np.asarray(h, np.float64)
    stored = x != 0
    confidence = unobserved_weight + alpha * x
    residual = w @ h.T - stored
    l2_user = l2 * (stored.sum(axis=1) + unobserved_weight * x.shape[1]) ** l2_scaling
    l2_item = l2 * (stored.sum(axis=0) + unobserved_weight * x.shape[0]) ** l2_scaling
    objective = (confidence * residual**2).sum() + l2_user @ (w**2).sum(axis=1) + l2_item @ (h**2).sum(axis=1)
    by_user = 2 * (confidence * residual) @ h + 2 * l2_user[:, None] * w
    by_item = 2 * (confidence * residual).T @ w + 2 * l2_item[:, None] * h
    return objective, by_user, by_item


def biased(x, stored, mean, w, h, user_bias, item_bias, *, l2, by_count):
    """The objective of BiasedMF and its gradients: a pair (factors, bias) for users and one for items."""
    w, h, b_user, b_item = (np.asarray(a, np.float64) for a in (w, h, user_bias, item_bias))
    residual = np.where(stored, mean + b_user[:, None] + b_item[None, :] + w @ h.T - x, 0.0)
    l2_user = l2 * (stored.sum(axis=1) if by_count else np.ones(len(w)))
    l2_item = l2 * (stored.sum(axis=0) if by_count else np.ones(len(h)))
    objective = (
        (residual**2).sum() + l2_user @ ((w**2).sum(axis=1) + b_user**2) + l2_item @ ((h**2).sum(axis=1) + b_item**2)
    )
    by_user = 2 * residual @ h + 2 * l2_user[:, None] * w, 2 * residual.sum(axis=1) + 2 * l2_user * b_user
    by_item = 2 * residual.T @ w + 2 * l2_item[:, None] * h, 2 * residual.sum(axis=0) + 2 * l2_item * b_item
    return objective, by_user, by_item
