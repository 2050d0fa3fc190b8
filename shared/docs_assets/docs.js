"use strict";

const { publicUrl, scopes } = document.getElementById("docs").dataset;
const oauth = { usePkceWithAuthorizationCodeGrant: true, scopes };

// Authorize is prefilled with the client registered on this page.
function rememberClient(response) {
  if (response.status === 201 && new URL(response.url).pathname.endsWith("/register")) {
    ui.initOAuth({ ...oauth, clientId: response.body.client_id, clientSecret: response.body.client_secret });
  }
  return response;
}

const darkness = matchMedia("(prefers-color-scheme: dark)");
const followDarkness = () => document.documentElement.classList.toggle("dark-mode", darkness.matches);
darkness.addEventListener("change", followDarkness);
followDarkness();

// The dialog focuses its last field, and scrolls away from the first.
document.addEventListener("click", ({ target }) => {
  if (target.closest(".authorize, .authorization__btn")) {
    requestAnimationFrame(() => document.querySelector(".dialog-ux input")?.focus());
  }
});

document.getElementById("elsewhere").hidden = location.origin === new URL(publicUrl).origin;

const ui = SwaggerUIBundle({
  dom_id: "#docs",
  url: "openapi.json",
  oauth2RedirectUrl: `${publicUrl}/docs/oauth2-redirect`,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  responseInterceptor: rememberClient,
  onComplete: () => ui.initOAuth(oauth),
});
