// Runs passkey ceremonies: asks the server for a challenge, the browser for a key, and sends the form with the answer.
(() => {
  "use strict";
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const unpack = (options) => {
    const ready = { ...options, challenge: bytes(options.challenge) };
    if (ready.user) ready.user = { ...ready.user, id: bytes(ready.user.id) };
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      if (ready[list]) ready[list] = ready[list].map((key) => ({ ...key, id: bytes(key.id) }));
    }
    return ready;
  };
  const pack = (key) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (key.response[part]) response[part] = text(key.response[part]);
    }
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response, extensions: {} });
  };
  const run = async (form) => {
    const csrf = form.elements.csrf.value;
    const answer = await fetch(form.dataset.passkey, {
      method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams({ csrf }),
    });
    const { ceremony, options, message } = await answer.json();
    if (!answer.ok) throw new Error(message);
    const publicKey = unpack(options.publicKey);
    const making = form.dataset.passkey.startsWith("/account");
    const key = await navigator.credentials[making ? "create" : "get"]({ publicKey });
    form.elements.ceremony.value = ceremony;
    form.elements.credential.value = pack(key);
    HTMLFormElement.prototype.submit.call(form);
  };
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const status = form.querySelector("[data-passkey-status]");
    form.hidden = false;
    if (!window.PublicKeyCredential) {
      form.querySelectorAll("button").forEach((button) => { button.disabled = true; });
      status.textContent = form.dataset.absent;
      return;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      status.textContent = "";
      run(form).catch(() => { delete form.dataset.sent; status.textContent = form.dataset.failed; });
    });
  });
})();
