"use strict";

// The redirect URI of Authorize. Swagger UI stored the pending request in the window that opened this one.

function refusal(answer, waiting, issuer) {
  if (answer.get("state") !== waiting.state) return "The answer belongs to another request (state).";
  // RFC 9207 §2.4: a response from another issuer must not be used.
  if (answer.get("iss") !== issuer) return "The answer comes from another authorization server (iss).";
  if (answer.has("error")) return `${answer.get("error")}: ${answer.get("error_description") ?? "no reason given"}`;
  return answer.has("code") ? null : "The answer has no code.";
}

function deliver(answer, waiting, issuer) {
  const message = refusal(answer, waiting, issuer);
  if (message) {
    waiting.errCb({ authId: waiting.auth.name, source: "auth", level: "error", message });
  } else {
    // Set members instead of replacing the object: Swagger UI accepts only plain objects of its own window.
    waiting.auth.code = answer.get("code");
    waiting.callback({ auth: waiting.auth, redirectUrl: waiting.redirectUrl });
  }
}

const waiting = window.opener?.swaggerUIRedirectOauth2;
if (waiting) {
  deliver(new URLSearchParams(location.search), waiting, document.currentScript.dataset.issuer);
  delete window.opener.swaggerUIRedirectOauth2;
  window.close();
}
