// The page: what it knows, and who draws what.

import { call, follow, hear, showTrouble } from "./tempo.js";
import { $ } from "./dom.js";
import { drawSessions, setUpStart, tryToOpen } from "./start.js";
import { addSeen, drawMessages, setUpMessages, takeLines, takeSeen } from "./messages.js";
import { drawMembers } from "./members.js";
import { drawFiles } from "./files.js";
import { drawDiagnosis, drawWaiting, setUpHealth } from "./health.js";
import { drawHeader, drawLoading } from "./header.js";
import { drawTray, setUpCompose } from "./compose.js";
import { setHome } from "./words.js";

setUpStart();
setUpCompose();
setUpMessages();
setUpHealth();

$("leave").onclick = async () => {
  await call("close");
  document.body.dataset.view = "start";
  drawSessions();
};

await Promise.all([
  follow("lines", takeLines),
  follow("loading", drawLoading),
  follow("seen", (seen) => {
    takeSeen(seen);
    addSeen();
  }),
  follow("status", (status) => {
    drawHeader(status);
    drawMembers(status);
    drawWaiting(status);
    drawMessages(status);
  }),
  follow("files", drawFiles),
  follow("diagnosis", drawDiagnosis),
  hear("tray", drawTray),
  follow("trouble", showTrouble),
]);

const { folder, name, home } = await call("start");
setHome(home);
$("name").value = name;
if (folder) {
  $("folder").value = folder;
  await tryToOpen(false);
} else {
  drawSessions();
}
