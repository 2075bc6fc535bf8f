"""``python -m matfact``."""

from matfact.cli import main

raise SystemExit(main())
