// Takes the token out of the fragment and the address bar, and waits: only a
// press of the button sends it.
"use strict";
(function () {
  var section = document.getElementById("link");
  function take() {
    var token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (!section || !token) return;
    history.replaceState(null, "", location.pathname);
    document.getElementById("token").value = token;
    section.hidden = false;
    section.querySelector("button").focus();
  }
  addEventListener("hashchange", take);
  take();
})();
