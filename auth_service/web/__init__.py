"""HTTP and HTML building blocks shared by every endpoint and page.

- `route`            an endpoint as data, with its OpenAPI description; `glossary` describes JSON members
- `http`             parsing requests, writing responses and errors
- `public_documents` JSON documents that are the same for everybody
- `client_networks`  the network a request comes from, behind trusted proxies
- `browser_cookies`  the cookies of a browser
- `forms`            form tokens and submitted forms
- `render`           templates and static files
- `error_pages`      error pages for people
"""
