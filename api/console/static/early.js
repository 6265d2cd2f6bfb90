// Runs before the page is drawn, so that nobody is blinded by the wrong theme for a moment.
{
  const kept = (name) => {
    try {
      return localStorage.getItem(`mingluo.${name}`);
    } catch {
      return null; // storage is switched off: the defaults will do
    }
  };
  const root = document.documentElement;
  root.dataset.theme = kept("theme") === "light" ? "light" : "dark";
  root.lang = kept("language") ?? root.lang;
}
