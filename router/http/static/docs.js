// Trying out: requests are signed here (AWS Signature Version 4), with credentials that never leave this page.

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "execute-api";
const text = new TextEncoder();
const credentials = {};

const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = async (message) => hex(await crypto.subtle.digest("SHA-256", text.encode(message)));
const encode = (word) =>
  encodeURIComponent(word).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

async function hmac(key, message) {
  const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", made, text.encode(message));
}

/** The headers of a request, with those that sign it. */
async function signed({ method, url, headers, body }, { key, secret, region }, now = new Date()) {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const sent = { ...headers, "x-amz-date": stamp };
  const all = Object.entries({ ...sent, host: url.host }).map(([name, value]) => [name.toLowerCase(), value.trim()]);
  all.sort(([one], [other]) => (one < other ? -1 : 1));
  const names = all.map(([name]) => name).join(";");
  const pairs = [...url.searchParams].map((pair) => pair.map(encode));
  pairs.sort((one, other) => (one.join("\0") < other.join("\0") ? -1 : 1));
  const query = pairs.map((pair) => pair.join("=")).join("&");
  const path = url.pathname.split("/").map(encode).join("/");
  const lines = all.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = [method, path, query, lines, names, await digest(body ?? "")].join("\n");
  const scope = [stamp.slice(0, 8), region, SERVICE, "aws4_request"];
  let signing = text.encode(`AWS4${secret}`);
  for (const part of scope) signing = await hmac(signing, part);
  const toSign = [ALGORITHM, stamp, scope.join("/"), await digest(canonical)].join("\n");
  const signature = hex(await hmac(signing, toSign));
  const claim = `Credential=${key}/${scope.join("/")}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...sent, authorization: `${ALGORITHM} ${claim}` };
}

async function send(request, auth) {
  let headers = request.headers;
  if (auth === "bearer") headers = { ...headers, authorization: `Bearer ${credentials.bearer}` };
  if (auth === "sigv4") {
    if (!globalThis.crypto?.subtle) throw new Error("A browser signs only on pages that came by https, or from this machine.");
    headers = await signed(request, credentials);
  }
  return fetch(request.url, { method: request.method, headers, body: request.body });
}

/** The same request for a shell, its secrets by the names of variables. */
function curl({ method, url, headers, body }, auth) {
  const quote = (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const words = [`curl -X ${method} ${quote(url.href)}`];
  if (auth === "sigv4")
    words.push(`--aws-sigv4 aws:amz:${credentials.region}:${SERVICE} --user "$ACCESS_KEY_ID:$SECRET_ACCESS_KEY"`);
  if (auth === "bearer") words.push('-H "Authorization: Bearer $CLIENT_API_KEY"');
  for (const [name, value] of Object.entries(headers)) words.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body !== undefined) words.push(`--data-binary ${quote(body)}`);
  return words.join(" \\\n  ");
}

/** What a form asks for. */
function request(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value && field.dataset.in === "query") query.append(field.name, field.value);
    else if (field.value) headers[field.name] = field.value;
  }
  const url = new URL((form.elements.server?.value ?? "") + path, location.origin);
  url.search = query;
  const body = form.elements.body?.value;
  if (body !== undefined) headers["content-type"] = form.elements.example.selectedOptions[0].dataset.media;
  return { method: form.dataset.method, url, headers, body };
}

function shown(title, words) {
  const figure = document.createElement("figure");
  figure.append(document.createElement("figcaption"), document.createElement("pre"));
  figure.firstChild.textContent = title;
  figure.lastChild.textContent = words;
  return figure;
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

async function tryOut(form) {
  const { auth } = form.dataset;
  const asked = request(form);
  const result = form.querySelector(".result");
  const told = [];
  try {
    const answer = await send(asked, auth);
    const id = answer.headers.get("x-request-id");
    told.push(shown(`${answer.status} ${answer.statusText} · X-Request-Id ${id}`, pretty(await answer.text())));
    if (asked.body) for (const field of document.querySelectorAll("input[name=requestId]")) field.value = id;
  } catch (error) {
    told.push(shown("Not sent", error.message));
  }
  result.replaceChildren(...told, shown("The same with curl", curl(asked, auth)));
}

/** The page with the contracts of one client, which signs the call for it. */
async function showContracts(form) {
  const url = new URL(location.pathname, location.origin);
  url.searchParams.set("client", credentials.client);
  const fault = form.querySelector("[role=alert]");
  try {
    const answer = await send({ method: "GET", url, headers: {} }, "sigv4");
    if (!answer.ok) throw new Error((await answer.json()).messages.join(" "));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("reference").replaceWith(page.getElementById("reference"));
    prepare();
  } catch (error) {
    fault.textContent = error.message;
  }
}

/** Lines say in the query what a JSON body says in its wrapper. */
function choose(form) {
  const chosen = form.elements.example?.selectedOptions[0];
  if (!chosen) return;
  form.elements.body.value = chosen.value;
  const lines = chosen.dataset.media.endsWith("ndjson");
  for (const field of form.querySelectorAll("[data-in=query]"))
    field.value = !lines ? "" : field.name === "type" ? chosen.dataset.name : field.placeholder;
}

function remember() {
  for (const field of document.getElementById("credentials").elements) if (field.name) credentials[field.name] = field.value;
}

function prepare() {
  const form = document.getElementById("credentials");
  for (const [name, value] of Object.entries(credentials)) form.elements[name].value = value;
  remember();
  for (const each of document.querySelectorAll("form")) each.hidden = false;
  for (const each of document.querySelectorAll("form.try")) choose(each);
}

document.addEventListener("input", ({ target }) => {
  if (target.form?.id === "credentials") remember();
  else if (target.name === "example") choose(target.form);
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  remember();
  if (event.target.id === "credentials") showContracts(event.target);
  else tryOut(event.target);
});
prepare();
