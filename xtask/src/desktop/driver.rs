//! The driver of a window, spoken to in the protocol that W3C defines for browsers.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::http;
use super::screen::Screen;
use crate::process::{self, Running};
use crate::talk::PATIENCE;

/// The name of the driver of webkit.
const DRIVER: &str = "WebKitWebDriver";
/// The name under which the protocol hands over an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A running window.
#[derive(Debug)]
pub(super) struct Driver {
    port: u16,
    /// The path of the session, such as `/session/5f…`.
    session: String,
    _process: Running,
}

impl Driver {
    /// Opens a window of a program. The driver's messages, and the program's, go into a log of this name.
    pub(super) fn open(screen: &Screen, program: &Path, arguments: &[String], log: &Path) -> Result<Self, String> {
        let (port, process) = start(screen, log)?;
        let options = json!({ "binary": program.to_string_lossy(), "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let made = value(http::ask(port, "POST", "/session", Some(&wanted))?)?;
        let id = made.get("sessionId").and_then(Value::as_str).ok_or_else(|| format!("no session: {made}"))?;
        Ok(Self { port, session: format!("/session/{id}"), _process: process })
    }

    /// Runs the body of a function in the page and returns its result.
    pub(super) fn run(&self, script: &str, arguments: &[Value]) -> Result<Value, String> {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Clicks on an element, as a person would.
    pub(super) fn click(&self, selector: &str) -> Result<(), String> {
        let element = self.find(selector)?;
        self.post(&format!("{element}/click"), &json!({})).map(drop)
    }

    /// Types a text into an element.
    pub(super) fn write(&self, selector: &str, text: &str) -> Result<(), String> {
        let element = self.find(selector)?;
        self.post(&format!("{element}/value"), &json!({ "text": text })).map(drop)
    }

    /// Empties a field.
    pub(super) fn clear(&self, selector: &str) -> Result<(), String> {
        let element = self.find(selector)?;
        self.post(&format!("{element}/clear"), &json!({})).map(drop)
    }

    /// Returns a picture of the window as a PNG.
    pub(super) fn picture(&self) -> Result<Vec<u8>, String> {
        let picture = value(http::ask(self.port, "GET", &format!("{}/screenshot", self.session), None)?)?;
        let text = picture.as_str().ok_or("a picture that is no text")?;
        BASE64_STANDARD.decode(text).map_err(|error| error.to_string())
    }

    /// Ends the window.
    pub(super) fn close(self) -> Result<(), String> {
        value(http::ask(self.port, "DELETE", &self.session, None)?).map(drop)
    }

    /// Returns the path of an element.
    fn find(&self, selector: &str) -> Result<String, String> {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }))?;
        let id = found.get(ELEMENT).and_then(Value::as_str);
        id.map(|id| format!("/element/{id}")).ok_or_else(|| format!("{selector}: {found}"))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        value(http::ask(self.port, "POST", &format!("{}{path}", self.session), Some(body))?)
    }
}

/// Starts a driver on a free port. Another program may take the port first; then the next one is tried.
fn start(screen: &Screen, log: &Path) -> Result<(u16, Running), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).map_err(|error| error.to_string())?;
        let port = port.port();
        let mut command = Command::new(DRIVER);
        // The window is driven only if it is told so.
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut process = Running::start(process::quietly(screen.show(&mut command), log)?)?;
        while process.ended().is_none() {
            if http::ask(port, "GET", "/status", None).is_ok() {
                return Ok((port, process));
            }
            process::pause_until(deadline).map_err(|why| format!("{DRIVER} does not answer: {why}"))?;
        }
        process::pause_until(deadline).map_err(|why| format!("{DRIVER} ends: {why}"))?;
    }
}

/// Returns the value of an answer, or what the driver says against it.
fn value((status, mut body): (u16, Value)) -> Result<Value, String> {
    let value = body.get_mut("value").map(Value::take).unwrap_or_default();
    if status == 200 {
        return Ok(value);
    }
    let said = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Err(format!("{}: {}", said("error"), said("message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_driver_is_told() {
        assert_eq!(value((200, json!({ "value": 3 }))), Ok(json!(3)));
        let refused = json!({ "value": { "error": "no such element", "message": "#gone" } });
        assert_eq!(value((404, refused)), Err("no such element: #gone".to_owned()));
    }
}
