"use strict";
// Asks the browser for a passkey, and posts the response with the form that asked for it.
(() => {
  const bytes = (text) => {
    const plain = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(plain + "=".repeat((4 - (plain.length % 4)) % 4)), (c) => c.charCodeAt(0));
  };
  const text = (buffer) =>
    buffer &&
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const descriptors = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  const creation = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  });
  const request = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  });
  const answer = (credential) => {
    const { response } = credential;
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: {
        clientDataJSON: text(response.clientDataJSON),
        attestationObject: text(response.attestationObject),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: text(response.userHandle) || undefined,
      },
    });
  };

  const send = (form, credential) => {
    form.elements.credential.value = answer(credential);
    form.submit();
  };
  const explain = (form, reason) => {
    const place = form.querySelector("[data-message]");
    place.textContent = place.dataset[reason];
    place.hidden = false;
  };

  let waiting = new AbortController();
  const ask = async (form) => {
    waiting.abort();
    waiting = new AbortController();
    const options = JSON.parse(form.dataset.options);
    const { signal } = waiting;
    return form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey: creation(options), signal })
      : navigator.credentials.get({ publicKey: request(options), signal });
  };
  // A new account has the name that the person types in the other form of the page.
  const named = (form) => {
    const typed = form.elements.username && document.getElementById("username");
    if (!typed) return true;
    if (!typed.reportValidity()) return false;
    const options = JSON.parse(form.dataset.options);
    form.elements.username.value = typed.value;
    form.dataset.options = JSON.stringify({
      ...options,
      user: { ...options.user, name: typed.value, displayName: typed.value },
    });
    return true;
  };
  const press = async (form) => {
    if (!named(form)) return;
    try {
      send(form, await ask(form));
    } catch (error) {
      if (error.name === "InvalidStateError") explain(form, "taken");
      else if (error.name !== "AbortError") explain(form, "failed");
    }
  };
  const offer = async (form) => {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const publicKey = request(JSON.parse(form.dataset.options));
    try {
      send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: waiting.signal }));
    } catch {
      // The person has chosen another way to log in.
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) {
      if (form.dataset.passkey !== "autofill") explain(form, "unable");
    } else if (form.dataset.passkey === "autofill") {
      offer(form);
    } else {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        press(form);
      });
    }
  }
})();
