//! A window of the example, as a person sees it.

use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::{Value, json};

use super::driver::Driver;
use crate::process;

/// The time limit for a change in a window.
const PATIENCE: Duration = Duration::from_secs(60);
/// Functions for the scripts that look at a page.
const LOOK: &str = include_str!("look.js");

/// The window of one member.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) who: &'static str,
    pub(super) driver: Driver,
}

impl Window {
    /// Returns the value of an expression in the page. `look.js` says what it can use; `it` is the argument.
    pub(super) fn value(&self, expression: &str, it: &Value) -> Result<Value, String> {
        let script = format!("{LOOK}\nconst it = arguments[0];\nreturn {expression};");
        self.driver.run(&script, std::slice::from_ref(it)).map_err(|why| format!("{}: `{expression}`: {why}", self.who))
    }

    /// Waits until an expression holds. If it does not, the error says what was on the page.
    pub(super) fn until(&self, what: &str, expression: &str, it: &Value) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.value(expression, it)? == Value::Bool(true) {
                return Ok(());
            }
            if let Err(why) = process::pause_until(deadline) {
                return Err(format!("{}: {what}: {why}\n{}", self.who, self.page()));
            }
        }
    }

    /// Clicks on an element.
    pub(super) fn click(&self, selector: &str) -> Result<(), String> {
        self.driver.click(selector).map_err(|why| format!("{}: {why}\n{}", self.who, self.page()))
    }

    /// Writes into a field, in the place of what it has.
    pub(super) fn fill(&self, selector: &str, text: &str) -> Result<(), String> {
        let filled = self.driver.clear(selector).and_then(|()| self.driver.write(selector, text));
        filled.map_err(|why| format!("{}: {why}\n{}", self.who, self.page()))
    }

    /// Sends a message by the keyboard.
    pub(super) fn say(&self, text: &str) -> Result<(), String> {
        // The key that ends a line.
        const ENTER: &str = "\u{e007}";
        self.fill("#text", &format!("{text}{ENTER}"))?;
        self.until("the message is sent", "$('#text').value === ''", &Value::Null)
    }

    /// Returns the texts of all messages, in the order of the page.
    pub(super) fn texts(&self) -> Result<Value, String> {
        self.value("messages()", &Value::Null)
    }

    /// Takes a picture.
    pub(super) fn picture(&self, file: &Path) -> Result<(), String> {
        // The driver waits for the next frame, and a page at rest draws none.
        self.value("beat()", &Value::Null)?;
        let picture = self.driver.picture().map_err(|why| format!("{}: {why}", self.who))?;
        self.value("rest()", &Value::Null)?;
        fs::write(file, picture).map_err(|error| error.to_string())
    }

    /// Returns the text on the page.
    pub(super) fn page(&self) -> String {
        let text = self.value("document.body.innerText", &json!(null));
        let text = text.map_or_else(|why| why, |text| text.as_str().unwrap_or_default().to_owned());
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.fold(format!("on the page of {}:", self.who), |page, line| format!("{page}\n  {line}"))
    }
}
