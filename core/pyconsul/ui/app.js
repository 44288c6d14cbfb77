// The web UI: a reader of the HTTP API that follows changes by blocking queries. No library, no build step.
"use strict";

const view = document.getElementById("view");
const tabs = { services: "Services", nodes: "Nodes", kv: "Key/Value", sessions: "Sessions" };
const token = document.getElementById("token"); // its value is kept as long as the browser's tab
let following = 0; // the newest view; an older one stops when it sees another number

// A key as part of a path: all but its slashes escaped, or ? and # would end it.
const keyPath = (key) => key.split("/").map(encodeURIComponent).join("/");

const text = (value) => document.createTextNode(value ?? "");

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.map((child) => (child instanceof Node ? child : text(String(child)))));
  return made;
}

function table(headings, rows) {
  if (!rows.length) return element("p", { class: "none" }, "There is nothing here yet.");
  return element("table", {},
    element("thead", {}, element("tr", {}, ...headings.map((heading) => element("th", {}, heading)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
}

const link = (place, label) => element("a", { href: "#" + place }, label);
const worst = (checks) => ["critical", "warning"].find((s) => checks.some((c) => c.Status === s)) ?? "passing";
const health = (checks) => element("span", { class: worst(checks) }, `${worst(checks)} (${checks.length})`);

// Asks the API as the holder of the token. The field for it appears where ACLs may hide something.
async function ask(path) {
  const answer = await fetch(path, token.value ? { headers: { "X-Consul-Token": token.value } } : {});
  if (answer.status === 403 || answer.headers.get("X-Consul-Default-Acl-Policy") === "deny") token.hidden = false;
  return answer;
}

// Shows `path` through `draw`, and again whenever it changes, until another view begins.
async function follow(path, draw) {
  const mine = ++following;
  let index = 0;
  while (mine === following) {
    const joint = path.includes("?") ? "&" : "?";
    try {
      const answer = await ask(`${path}${index ? `${joint}index=${index}&wait=60s` : ""}`);
      if (mine !== following) return;
      const next = Number(answer.headers.get("X-Consul-Index")) || 0;
      const body = answer.ok ? await answer.json() : null;
      if (mine !== following) return;
      view.replaceChildren(...draw(body));
      index = next < index ? 0 : next;
      if (!answer.ok && answer.status !== 404) throw new Error(`${answer.status} from ${path}`);
    } catch (error) {
      if (mine === following) view.replaceChildren(element("p", { class: "critical" }, String(error)));
      index = 0;
      await new Promise((again) => setTimeout(again, 3000));
    }
  }
}

const decoded = (value) => (value === null ? "" : new TextDecoder().decode(Uint8Array.from(atob(value), (c) => c.charCodeAt(0))));

const views = {
  services: () => follow("/v1/catalog/services", (found) => [
    table(["Service", "Tags"], Object.entries(found ?? {}).sort().map(([name, tags]) =>
      [link("service/" + encodeURIComponent(name), name), tags.join(", ")]))]),
  service: (name) => follow(`/v1/health/service/${encodeURIComponent(name)}`, (found) => [
    element("h2", {}, name),
    table(["Node", "Instance", "Address", "Tags", "Health"], (found ?? []).map((i) => [
      i.Node.Node, i.Service.ID, `${i.Service.Address || i.Node.Address}:${i.Service.Port ?? 0}`,
      (i.Service.Tags ?? []).join(", "), health(i.Checks ?? [])]))]),
  nodes: () => follow("/v1/internal/ui/nodes", (found) => [
    table(["Node", "Address", "Services", "Health"], (found ?? []).map((n) => [
      n.Node, n.Address, (n.Services ?? []).map((s) => s.Service).join(", "), health(n.Checks ?? [])]))]),
  kv: (prefix = "") => follow(`/v1/kv/${keyPath(prefix)}?keys&separator=/`, (found) => [
    element("p", {}, link("kv/", "top"), " / " + prefix),
    table(["Key"], (found ?? []).filter((key) => key !== prefix).map((key) =>
      [link((key.endsWith("/") ? "kv/" : "key/") + encodeURIComponent(key), key.slice(prefix.length))]))]),
  key: (name) => follow(`/v1/kv/${keyPath(name)}`, (found) => [
    element("h2", {}, name),
    found ? element("pre", {}, decoded(found[0].Value)) : element("p", { class: "none" }, "This key does not exist.")]),
  sessions: () => follow("/v1/session/list", (found) => [
    table(["ID", "Name", "Node", "TTL", "Behavior"], (found ?? []).map((s) => [s.ID, s.Name, s.Node, s.TTL, s.Behavior]))]),
};

function show() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const chosen = views[name] ? name : "services";
  for (const tab of document.querySelectorAll("nav a")) tab.className = tab.hash === "#" + chosen ? "here" : "";
  views[chosen](decodeURIComponent(rest.join("/")) || undefined);
}

document.getElementById("tabs").append(...Object.entries(tabs).map(([place, label]) => link(place, label)));
token.value = sessionStorage.getItem("token") ?? "";
token.hidden = !token.value;
token.addEventListener("change", () => { sessionStorage.setItem("token", token.value); show(); });
ask("/v1/status/leader").then((a) => a.json()).then((leader) => { document.getElementById("leader").textContent = leader && `leader ${leader}`; });
addEventListener("hashchange", show);
show();
