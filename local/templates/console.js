"use strict";
const $ = (id) => document.getElementById(id);
const heads = document.querySelectorAll("th");
const rows = new Map();
let offset = 0;
let accounts = [];

function lasting(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s`;
  return `${Math.floor(left / 3600)} h ${String(Math.floor((left % 3600) / 60)).padStart(2, "0")} min`;
}

function times(count) {
  return count === 0 ? "not yet" : count === 1 ? "once" : `${count} times`;
}

function standing(account, now) {
  if (account.status === "needs_reinstall") return ["bad", "Needs a re-install", account.needs_reinstall_because || ""];
  if (account.status === "disconnecting") return ["wait", "Disconnecting", ""];
  if (account.lease_until > now) return ["wait", "Refreshing", ""];
  if (account.attempts > 0) return ["wait", "Trying again", `attempt ${account.attempts}`];
  if (account.expires_at <= now) return ["bad", "Expired", ""];
  return ["good", "Connected", account.binding === "unbound" ? "nobody proved who asked" : ""];
}

// A narrow screen shows rows as blocks. Screen readers then see no table any more, so the roles say what it is.
function cell(row, name, label) {
  const td = row.insertCell();
  td.setAttribute("role", "cell");
  td.dataset.label = label;
  const main = td.appendChild(document.createElement("span"));
  const small = td.appendChild(document.createElement("small"));
  row[name] = { td, main, small };
}

function put(part, text, small = "") {
  if (part.main.textContent !== text) part.main.textContent = text;
  if (part.small.textContent !== small) part.small.textContent = small;
}

function rowOf(account) {
  let row = rows.get(account.hub_id);
  if (!row) {
    row = document.createElement("tr");
    row.setAttribute("role", "row");
    ["account", "state", "expiry", "next", "count"].forEach((name, column) => cell(row, name, heads[column].textContent));
    row.bar = row.expiry.td.appendChild(document.createElement("progress"));
    row.bar.setAttribute("aria-label", "Share of the token's life that is left");
    row.version = account.version;
    row.addEventListener("animationend", () => row.classList.remove("fresh"));
    rows.set(account.hub_id, row);
  }
  return row;
}

function draw() {
  const now = Date.now() / 1000 + offset;
  const body = $("accounts");
  accounts.forEach((account, position) => {
    const row = rowOf(account);
    if (body.children[position] !== row) body.insertBefore(row, body.children[position] || null);
    const [tone, text, detail] = standing(account, now);
    const about = [account.hub_domain, account.client_reference_id].filter(Boolean).join(" · ");
    put(row.account, String(account.hub_id), about);
    put(row.state, text, detail);
    row.state.main.className = `state ${tone}`;
    put(row.expiry, account.expires_at > now ? lasting(account.expires_at - now) : "expired");
    row.bar.max = Math.max(1, account.expires_at - account.issued_at);
    row.bar.value = Math.max(0, account.expires_at - now);
    put(row.next, account.refresh_at === undefined ? "none" : account.refresh_at > now ? `in ${lasting(account.refresh_at - now)}` : "due now");
    put(row.count, times(account.version - 1));
    if (row.version !== account.version) {
      row.version = account.version;
      row.classList.add("fresh");
    }
  });
  while (body.children.length > accounts.length) body.lastChild.remove();
  const known = new Set(accounts.map((account) => account.hub_id));
  rows.forEach((_, hubId) => known.has(hubId) || rows.delete(hubId));
}

async function look() {
  try {
    const answer = await fetch("{{ state_path }}", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const state = await answer.json();
    offset = state.now - Date.now() / 1000;
    accounts = state.accounts;
    $("count").textContent = accounts.length ? String(accounts.length) + (state.more ? "+" : "") : "";
    $("empty").hidden = accounts.length > 0;
    $("more").hidden = !state.more;
    if (accounts.length) $("command-id").textContent = String(accounts[0].hub_id);
    live("on", "Live");
  } catch {
    live("off", "Stopped, or out of reach");
  }
  draw();
  setTimeout(look, 1000);
}

function live(state, text) {
  $("live").className = `live ${state}`;
  if ($("live-text").textContent !== text) $("live-text").textContent = text;
}

$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("command").textContent.trim());
  $("copy").textContent = "Copied";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
setInterval(draw, 250);
look();
