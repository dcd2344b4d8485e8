// The page: what it knows, and who draws what.

import { call, hear, showTrouble } from "./tempo.js";
import { $ } from "./dom.js";
import { drawSessions, setUpStart, tryToOpen } from "./start.js";
import { addSeen, drawMessages, setUpMessages, takeLines, takeSeen } from "./messages.js";
import { drawMembers } from "./members.js";
import { drawFiles } from "./files.js";
import { drawDiagnosis, drawWaiting, setUpHealth } from "./health.js";
import { drawHeader, drawLoading } from "./header.js";
import { drawTray, setUpCompose } from "./compose.js";

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
  hear("lines", (lines) => takeLines(lines)),
  hear("loading", drawLoading),
  hear("seen", (seen) => {
    takeSeen(seen);
    addSeen();
  }),
  hear("status", (status) => {
    drawHeader(status);
    drawMembers(status);
    drawWaiting(status);
    drawMessages(status);
  }),
  hear("files", drawFiles),
  hear("diagnosis", drawDiagnosis),
  hear("tray", drawTray),
  hear("trouble", showTrouble),
]);

const { folder, name } = await call("start");
$("name").value = name;
if (folder) {
  $("folder").value = folder;
  await tryToOpen(false);
} else {
  drawSessions();
}
