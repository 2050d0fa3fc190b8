"""The human-facing pages, one file each, with their templates and their one style sheet.

Those for administrators are in `console/`.

Owns what a person sees and posts. Pages work without JavaScript, load nothing from elsewhere, and go back to
``/authorize``, which alone decides what comes next.
"""
