"""The name, logo and colors of the pages of both services, as the operator configured them.

colors.py      the accent colors and their contrast; pure
logo_files.py  the image files that can be the logo; pure
settings.py    the settings, which both services read
brand.py       the appearance of a page that loads no style sheet
theme.py       the style sheet and the logo, and the routes that serve them
"""
