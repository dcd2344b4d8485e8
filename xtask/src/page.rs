//! `cargo xtask page`: the simulator's diagram in a real browser.
//!
//! A run is drawn, loaded, and used as a person would use it (`probe.js`). The expected view follows from the
//! data in the page (`story`).

mod browser;
mod story;
mod view;

use std::env;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::Value;
use tempfile::Builder;

use crate::call::Call;
use crate::failure::Failure;
use browser::{Browser, Loaded, Scheme};
use story::{Story, block};
use view::View;

const MEMBERS: usize = 5;
/// Faults that delay messages. Faults that create members, such as clones, are missing.
const FAULTS: &str = "crash,offline,unmount,diskfull,failedcommit,clocks";
/// The smallest number of messages. The run is asked for 200, but a member that is down sends nothing.
const FEWEST_MESSAGES: usize = 100;
const PROBE: &str = include_str!("page/probe.js");
/// The browser draws a frame when the machine is ready, while virtual time runs ahead. This ties frames to
/// virtual time.
const FRAMES: &str = "window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);";

/// The arguments of `page`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Keep pictures of the page in this directory
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Draws a run, loads it twice, and prints every deviation.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let scratch = Builder::new().prefix("tempo-page-").tempdir()?;
    let browser = Browser::find(scratch.path())?;
    let page = draw(scratch.path())?;
    let text = fs::read_to_string(&page)?;
    let findings = look(&browser, scratch.path(), &text)?;
    if let Some(directory) = &options.pictures {
        take_pictures(&browser, &page, directory)?;
    }
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings { check: "page", count: findings.len() }) }
}

/// Lets the simulator draw a run. It is built without optimization, like the tests that were built before.
fn draw(scratch: &Path) -> Result<PathBuf, Failure> {
    let page = scratch.join("page.html");
    Call::cargo(&["run", "--quiet", "--package", "tempo-session-sim", "--features", "cli", "--bin", "tempo-sim", "--"])
        .arguments(&["run", "--seed", "7", "--profile", "dropbox", "--members", "5", "--messages", "200"])
        .arguments(&["--faults", FAULTS, "--html"])
        .argument(&page.display().to_string())
        .run()?;
    Ok(page)
}

/// Loads the page as it is, and then by an address that selects what to show; returns what is wrong.
fn look(browser: &Browser, scratch: &Path, text: &str) -> Result<Vec<String>, Failure> {
    let Some(story) = Story::read(text) else {
        return Ok(vec!["the page has no data block that can be read".to_owned()]);
    };
    let probed = scratch.join("probed.html");
    let with_probe = text
        .replacen("<head>", &format!("<head>\n<script>{FRAMES}</script>"), 1)
        .replace("</body>", &format!("<script>\n{PROBE}</script>\n</body>"));
    fs::write(&probed, with_probe)?;

    let mut check = Check::default();
    check.that("the story", "is long enough to be looked at", story.sent.len() >= FEWEST_MESSAGES);
    check.equal("the story", "members", &story.members.len(), &MEMBERS);
    let first = browser.load(&address(&probed, ""), Scheme::Light)?;
    let first = check.saw("the page", &first);
    if let Some(saw) = &first {
        check.everything(saw, &story);
        check.gestures(saw, &story);
    }
    let (author, from, to) = (1, story.end / 4.0, story.end / 2.0);
    let message = story.sent_by(author).first().copied().unwrap_or_default();
    let name = story.members.get(author).map_or("", String::as_str);
    let wanted = format!("#author={name}&from={from:.3}&to={to:.3}&m={message}");
    let second = browser.load(&address(&probed, &wanted), Scheme::Dark)?;
    if let Some(saw) = check.saw("a filtered address", &second) {
        let whole = View::new(first.as_ref().unwrap_or(&Value::Null)).at("loaded").fraction("spread");
        check.filtered(&saw, &story, (author, message), whole);
    }
    let arrows = story.arrows(&story.all());
    println!("page: {MEMBERS} lanes, {} messages, {arrows} arrows, {} checks", story.sent.len(), check.made);
    Ok(check.findings)
}

/// Returns the address of a local file.
fn address(file: &Path, fragment: &str) -> String {
    format!("file://{}{fragment}", file.display())
}

fn take_pictures(browser: &Browser, page: &Path, directory: &Path) -> Result<(), Failure> {
    let directory = env::current_dir().unwrap_or_default().join(directory);
    fs::create_dir_all(&directory)?;
    for (name, fragment, scheme) in [
        ("light.png", "", Scheme::Light),
        ("dark.png", "", Scheme::Dark),
        ("author.png", "#author=Ana", Scheme::Light),
        ("message.png", "#m=63", Scheme::Dark),
    ] {
        let file = directory.join(name);
        browser.picture(&address(page, fragment), scheme, &file)?;
        println!("drawn into {}", file.display());
    }
    Ok(())
}

/// The number of checks, and the deviations.
#[derive(Debug, Default)]
struct Check {
    made: usize,
    findings: Vec<String>,
}

impl Check {
    fn that(&mut self, at: &str, what: &str, holds: bool) {
        self.made += 1;
        if !holds {
            self.findings.push(format!("{at}: not so: {what}"));
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, at: &str, what: &str, found: &T, wanted: &T) {
        self.made += 1;
        if found != wanted {
            self.findings.push(format!("{at}: {what}: there is {found:?}, and should be {wanted:?}"));
        }
    }

    /// Reads what the probe saw; returns `None` if the probe did not finish.
    fn saw(&mut self, at: &str, loaded: &Loaded) -> Option<Value> {
        self.equal(at, "messages on the console", &loaded.console, &Vec::new());
        let saw = block(&loaded.dom, "probe").and_then(|text| serde_json::from_str(text).ok());
        self.that(at, "the page can be used to the end", saw.is_some());
        saw
    }

    /// Checks that everything is shown, and nothing is pinned.
    fn everything(&mut self, saw: &Value, story: &Story) {
        let names: Vec<_> = story.members.iter().map(String::as_str).collect();
        for at in ["loaded", "together", "fitted", "free"] {
            let view = View::new(saw).at(at);
            self.equal(at, "lanes", &view.number("lanes"), &Some(MEMBERS));
            self.equal(at, "names", &view.texts("names"), &names);
            self.equal(at, "legend", &view.texts("legend"), &names);
            self.equal(at, "authors shown", &view.flags("pressed"), &vec![true; MEMBERS]);
            self.equal(at, "messages", &view.numbers("messages"), &story.all());
            self.equal(at, "arrows", &view.number("arrows"), &Some(story.arrows(&story.all())));
            self.equal(at, "places in the order", &view.number("places"), &Some(story.timeline.len()));
            self.that(at, "the card explains every sign", view.number("guide").is_some_and(|rows| rows >= 7));
            self.equal(at, "address", &view.text("address"), &Some(""));
        }
    }

    /// Checks that the filter, the zoom, the keys and the pointer work.
    fn gestures(&mut self, saw: &Value, story: &Story) {
        let view = |at: &str| View::new(saw).at(at);
        let first = story.members.first().map_or("", String::as_str);
        self.only("alone", view("alone"), story, 0);
        self.equal("alone", "address", &view("alone").text("address"), &Some(format!("#author={first}").as_str()));

        let [whole, zoomed, wheeled, fitted] =
            ["loaded", "zoomed", "wheeled", "fitted"].map(|at| view(at).fraction("spread"));
        self.that("loaded", "the messages spread over the diagram", whole > 200.0);
        self.that("zoomed", "a click on + draws 1.6 times as wide", (zoomed / whole - 1.6).abs() < 0.01);
        self.that("wheeled", "the wheel draws wider still", wheeled > zoomed * 1.2);
        self.that("fitted", "0 shows everything", (fitted - whole).abs() < 0.2);
        let zoomed = view("zoomed").text("address").unwrap_or_default();
        self.that("zoomed", "the address has the window", zoomed.contains("from=") && zoomed.contains("to="));

        let pinned = story.timeline.first().and_then(|&message| Some((message, story.titles.get(message)?)));
        if let Some((message, title)) = pinned {
            self.equal("pinned", "card", &view("pinned").text("card"), &Some(title.as_str()));
            self.equal("pinned", "address", &view("pinned").text("address"), &Some(format!("#m={message}").as_str()));
        }
        let cards = View::new(saw).number("cards").unwrap_or(0);
        self.that("pointed at", "most messages show on the card", cards * 2 > story.sent.len());
        let loaded = view("loaded");
        self.equal("loaded", "dark", &loaded.flag("dark"), &Some(false));
        self.that("loaded", "its ground is light", loaded.brightness("ground").is_some_and(|sum| sum > 600));
    }

    /// Checks that an address shows one author, a window, and a message, in dark colors.
    fn filtered(&mut self, saw: &Value, story: &Story, (author, message): (usize, usize), whole: f64) {
        let at = "a filtered address";
        let view = View::new(saw).at("loaded");
        self.only(at, view, story, author);
        self.equal(at, "card", &view.text("card"), &story.titles.get(message).map(String::as_str));
        let address = view.text("address").unwrap_or_default();
        let name = story.members.get(author).map_or("", String::as_str);
        let has_window = address.contains("&from=") && address.contains("&to=");
        let stays = address.starts_with(&format!("#author={name}&")) && address.ends_with(&format!("&m={message}"));
        self.that(at, "the address stays what it was", has_window && stays);
        // A quarter of the time has the width that all of it had before.
        let wanted = whole * 4.0 * story.spread(&story.sent_by(author)) / story.spread(&story.all());
        let width = view.fraction("spread");
        self.that(at, "the window is the one in the address", (width / wanted - 1.0).abs() < 0.01);
        self.equal(at, "dark", &view.flag("dark"), &Some(true));
        self.that(at, "its ground is dark", view.brightness("ground").is_some_and(|sum| sum < 150));
    }

    /// Checks that only one author's messages are shown, on the lanes of all.
    fn only(&mut self, at: &str, view: View<'_>, story: &Story, author: usize) {
        let own = story.sent_by(author);
        self.that(at, "the author has sent something", !own.is_empty());
        self.equal(at, "lanes", &view.number("lanes"), &Some(MEMBERS));
        self.equal(at, "messages", &view.numbers("messages"), &own);
        self.equal(at, "arrows", &view.number("arrows"), &Some(story.arrows(&own)));
        let pressed: Vec<_> = (0..MEMBERS).map(|member| member == author).collect();
        self.equal(at, "authors shown", &view.flags("pressed"), &pressed);
    }
}
