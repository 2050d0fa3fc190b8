"""The human-facing pages, one file each, with their templates and their one style sheet.

The pages for administrators are in `console/`.

Contains what a person sees and submits. Pages work without JavaScript, load nothing from other sites, and
return to ``/authorize``, which alone decides the next step.
"""
