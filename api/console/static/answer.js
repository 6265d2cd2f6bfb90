// A person's answer to a device that announced itself: where and as what it is taken in, or why it is turned away.

import { Failure, call } from "./calls.js";
import { byId, h } from "./dom.js";
import { has, onLanguage, t } from "./words.js";

const MOST_SHOWN = 50; // households in the list; typing finds the others
const RATED = ["electrical_protector", "meter"]; // kinds for which ratings mean something
const AN_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const RATINGS = ["nominal_voltage", "rated_current", "rated_residual"];

let current = null; // { found, done }
let homes = []; // { id, text, searchable }

/** What people call it: its name, or else its address. */
export const called = (found) => found.name || found.address;

/**
 * Ask how to answer, then do it.
 *
 * @param {"approve"|"reject"} verb
 * @param {object} found the announcement
 * @param {(found: object) => void} done called when it is answered
 */
export function answer(verb, found, done) {
  current = { found, done };
  const dialog = byId(verb);
  dialog.querySelector("form").reset();
  dialog.querySelector(".trouble").textContent = "";
  byId(`${verb}-what`).replaceChildren(
    h("strong", {}, called(found)),
    h("span", { class: "quiet" }, ` ${[found.model, found.profile, found.address].filter(Boolean).join(" · ")}`),
  );
  if (verb === "approve") prepare(found);
  dialog.showModal();
  byId(verb === "approve" ? "household-find" : "reason").focus();
}

function prepare(found) {
  byId("kind").value = found.kind ?? "";
  byId("device-id").value = AN_ID.test(found.address) ? found.address : "";
  byId("device-name").value = found.name;
  drawRatings();
  drawHomes();
  fetchHomes();
}

async function fetchHomes() {
  try {
    const estate = await call("/estate");
    const places = new Map(estate.places.map((place) => [place.id, place]));
    homes = estate.households.map(({ id, name, address, place }) => {
      const text = [name, address, way(place, places), id].filter(Boolean).join(" · ");
      return { id, text, searchable: text.toLowerCase() };
    });
    drawHomes();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    byId("approve").querySelector(".trouble").textContent = why(error);
  }
}

function way(id, places) {
  const names = [];
  for (let place = places.get(id); place !== undefined; place = places.get(place.parent)) names.unshift(place.name || place.id);
  return names.join(" › ");
}

function drawHomes() {
  const words = byId("household-find").value.toLowerCase().split(/\s+/);
  const matching = homes.filter((home) => words.every((word) => home.searchable.includes(word)));
  const shown = matching.slice(0, MOST_SHOWN);
  const list = byId("household");
  const chosen = list.value;
  list.replaceChildren(...shown.map(({ id, text }) => h("option", { value: id }, text)));
  // Nothing is chosen for a person, but what only one can be.
  list.value = shown.length === 1 ? shown[0].id : chosen;
  byId("household-many").textContent =
    matching.length > shown.length ? t("announced.household.many", { shown: shown.length, all: matching.length }) : "";
}

function drawRatings() {
  byId("ratings").hidden = byId("ratings").disabled = !RATED.includes(byId("kind").value);
}

function wish(verb) {
  if (verb === "reject") return { reason: byId("reason").value.trim() || null };
  const body = {
    household: byId("household").value,
    id: byId("device-id").value,
    kind: byId("kind").value,
    name: byId("device-name").value.trim(),
  };
  if (!byId("ratings").disabled) body.ratings = Object.fromEntries(RATINGS.map((name) => [name, byId(name).valueAsNumber]));
  return body;
}

function why(error) {
  return has(`why.${error.reason}`) ? t(`why.${error.reason}`) : error.message;
}

for (const verb of ["approve", "reject"]) {
  const dialog = byId(verb);
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { found, done } = current;
    const go = dialog.querySelector(".act");
    go.disabled = true;
    try {
      await call(`/announcements/${found.id}/${verb}`, { method: "POST", body: wish(verb) });
      dialog.close();
      done(found);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      dialog.querySelector(".trouble").textContent = why(error);
      if (error.reason === "unknown_household") fetchHomes();
    } finally {
      go.disabled = false;
    }
  });
}
byId("household-find").addEventListener("input", drawHomes);
byId("kind").addEventListener("change", drawRatings);
onLanguage(drawHomes);
