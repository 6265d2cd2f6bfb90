// What a person has chosen on this machine: language, theme, sound. Kept where the browser allows it.

export function recall(name) {
  try {
    return localStorage.getItem(`mingluo.${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`mingluo.${name}`, value);
  } catch {
    // A choice that cannot be kept still holds until the page is closed.
  }
}

export function toggleTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  remember("theme", root.dataset.theme);
}
