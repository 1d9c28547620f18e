"""What the map of glycans shows: places of points in the plane, and how well neighbours agree."""

import numpy as np

NEIGHBOURS = 5
SEED = 2412
"""Of t-SNE."""
STEPS = 500
"""Of t-SNE; its picture no longer changes visibly beyond."""


def places(points: np.ndarray) -> np.ndarray:
    """Points in the plane, near where they are near, by t-SNE.

    Args:
        points: Finite, (n, features), n at least 3.

    Returns:
        (n, 2); the same for the same points.

    Source:
        van der Maaten and Hinton (2008), JMLR 9, 2579; scikit-learn's, started from the principal components.
    """
    from sklearn.manifold import TSNE

    # a common scale, which t-SNE does not see, would overflow squares
    points = points / max(np.abs(points).max(), 1e-300)
    perplexity = min(30.0, (len(points) - 1) / 3)
    return TSNE(
        n_components=2, perplexity=perplexity, init="pca", max_iter=STEPS, random_state=SEED, n_jobs=1
    ).fit_transform(points.astype(np.float64))


def neighbours_agree(points: np.ndarray, kinds: np.ndarray) -> float:
    """Share of points whose kind is the most frequent one among their five nearest others.

    Each point is left out of its own neighbours. Distances are Euclidean, between the features and not
    between places on the map; of kinds that are equally frequent the one of the nearest neighbour counts. A
    point with a feature that is not finite is wrong, and no neighbour of others.

    Args:
        points: (n, features).
        kinds: Whole numbers from 0, (n,).
    """
    fine = np.isfinite(points).all(axis=1)
    known, names = points[fine], kinds[fine]
    if len(known) < 2:
        return 0.0
    known = known / max(np.abs(known).max(), 1e-300)
    squares = (known**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * known @ known.T
    np.fill_diagonal(distance, np.inf)
    count = min(NEIGHBOURS, len(known) - 1)
    nearest = names[np.argsort(distance, axis=1, kind="stable")[:, :count]]  # (n, count), nearest first
    votes = (nearest[:, :, None] == nearest[:, None, :]).sum(axis=2)
    # argmax takes the first of equals, which is the nearest
    decided = nearest[np.arange(len(nearest)), votes.argmax(axis=1)]
    return float((decided == names).sum() / len(points))
