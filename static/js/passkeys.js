// @ts-check
// Passkeys: what the site asks goes to the device, and its answer back in an ordinary form.

/** @param {string} text */
function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {any} options */
async function make(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: known(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  const { response } = /** @type {PublicKeyCredential} */ (made);
  const answer = /** @type {AuthenticatorAttestationResponse} */ (response);
  return told(made, { attestationObject: text(answer.attestationObject) }, answer);
}

/** @param {any} options */
async function prove(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: known(options.allowCredentials),
  };
  const proof = await navigator.credentials.get({ publicKey });
  const { response } = /** @type {PublicKeyCredential} */ (proof);
  const answer = /** @type {AuthenticatorAssertionResponse} */ (response);
  const parts = {
    authenticatorData: text(answer.authenticatorData),
    signature: text(answer.signature),
    userHandle: answer.userHandle ? text(answer.userHandle) : null,
  };
  return told(proof, parts, answer);
}

/** @param {{ id: string }[] | undefined} credentials */
function known(credentials) {
  return (credentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
}

/**
 * @param {any} credential
 * @param {Record<string, string | null>} parts
 * @param {AuthenticatorResponse} answer
 */
function told(credential, parts, answer) {
  const response = { ...parts, clientDataJSON: text(answer.clientDataJSON) };
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

/** @param {HTMLFormElement} form */
async function answer(form) {
  const asked = await fetch(form.dataset.ask ?? "", {
    method: "POST",
    headers: { Accept: "application/json" },
  });
  const body = await asked.json();
  if (!asked.ok) throw new Error(body.error);
  const credential = await (form.dataset.passkey === "make" ? make : prove)(body.options);
  set(form, "key", body.key);
  set(form, "credential", credential);
  form.submit();
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function set(form, name, value) {
  const input = form.elements.namedItem(name);
  if (input instanceof HTMLInputElement) input.value = value;
}

/**
 * @param {HTMLFormElement} form
 * @param {unknown} error
 */
function show(form, error) {
  const place = form.querySelector("[data-passkey-problem]");
  if (!(place instanceof HTMLElement)) return;
  // What browsers say here is for programmers: a closed window and a missing key look alike.
  place.textContent = error instanceof DOMException ? (form.dataset.failed ?? "") : String(error);
  place.hidden = false;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!(form instanceof HTMLFormElement) || !window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await answer(form);
    } catch (error) {
      show(form, error);
    }
  });
}
