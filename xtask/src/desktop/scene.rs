//! The scene: two members in two windows over one folder, and what each of them must see.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::{Value, json};

use super::driver::Driver;
use super::screen::Screen;
use super::sound;
use super::window::Window;

/// The program and its surroundings.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) program: &'a Path,
    pub(super) screen: &'a Screen,
    pub(super) place: &'a Path,
    pub(super) pictures: Option<&'a Path>,
}

/// A text that would do harm if the page took it for markup.
const HOSTILE: &str = r#"<img src=x onerror="document.title='harm'"><script>document.title='harm'</script>"#;
/// The name of the file that travels.
const TAKE: &str = "bass take 3.wav";
/// The length of the sound, in seconds.
const SECONDS: u32 = 3;

impl Scene<'_> {
    /// Plays everything and returns the number of checks.
    ///
    /// # Errors
    ///
    /// The first thing that was not as it should be, with the text on the page.
    pub(super) fn play(&self) -> Result<usize, String> {
        let folder = self.screen.home().join("Music/Summer EP.session");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let take = self.place.join(TAKE);
        fs::write(&take, sound::tone(SECONDS)).map_err(|error| error.to_string())?;
        let mut made = Checks::default();
        let (ana, ben) = self.enter(&folder, &take, &mut made)?;
        self.send_a_file(&ana, &ben, &take, &mut made)?;
        talk(&ana, &ben, &mut made)?;
        settle(&ana, &ben, &mut made)?;
        self.keep("conversation", &ben)?;
        hostility(&ana, &ben, &mut made)?;
        doctor(&ana, &folder, &mut made)?;
        self.keep("findings", &ana)?;
        self.leave_and_return(&ben, &mut made)?;
        ben.driver.close()?;
        let cleo = self.join(&ana, &folder, &mut made)?;
        retire(&ana, &cleo, &mut made)?;
        ana.driver.close()?;
        cleo.driver.close()?;
        Ok(made.0)
    }

    /// Opens both windows: one by its command line, the other by hand, after a mistake.
    fn enter(&self, folder: &Path, take: &Path, made: &mut Checks) -> Result<(Window, Window), String> {
        let shown = folder.display().to_string();
        let take = take.display().to_string();
        let ana = self.window("Ana", &["--folder", &shown, "--name", "Ana", &take])?;
        let ben = self.window("Ben", &[])?;
        made.until(&ana, "the command line opens the session", "isOpen()", &json!(null))?;
        made.until(&ben, "the window asks for a session", "document.body.dataset.view === 'start'", &json!(null))?;
        ben.fill("#folder", &format!("{shown}.elsewhere.session"))?;
        ben.fill("#name", "Ben")?;
        ben.click("#open")?;
        let refused = "$('.trouble')?.dataset.kind === 'not-found' && $('.trouble span').textContent.length > 0";
        made.until(&ben, "a missing folder is said, with what to do", refused, &json!(null))?;
        self.keep("start", &ben)?;
        ben.fill("#folder", &shown)?;
        ben.click("#open")?;
        made.until(&ben, "the right folder opens", "isOpen() && !$('.trouble')", &json!(null))?;
        for window in [&ana, &ben] {
            let both =
                "['Ana', 'Ben'].every((name) => $$('#members strong').some((each) => each.firstChild.data === name))";
            made.until(window, "both members are listed", both, &json!(null))?;
        }
        Ok((ana, ben))
    }

    /// Ana sends the file that her window was started with; Ben fetches, plays and saves it.
    fn send_a_file(&self, ana: &Window, ben: &Window, take: &Path, made: &mut Checks) -> Result<(), String> {
        made.until(ana, "the file is offered", "$('#tray strong')?.textContent === it", &json!(TAKE))?;
        ana.say("Here is the bass, third take")?;
        made.until(ana, "the file has left the tray", "$$('#tray li').length === 0", &json!(null))?;
        made.until(ben, "the file is listed", "$('#files .file strong')?.textContent === it", &json!(TAKE))?;
        made.until(ben, "nothing plays before it is fetched", "audio() === null", &json!(null))?;
        made.until(ben, "it can be fetched", "$('#files .fetch') !== null", &json!(null))?;
        ben.click("#files .fetch")?;
        made.until(ben, "it is on this machine", "$('#files .file').dataset.place === 'kept'", &json!(null))?;
        let is_playable = "audio()?.readyState >= 1 && Math.abs(audio().duration - it) < 0.1 && audio().error === null";
        made.until(ben, "it can be played", is_playable, &json!(SECONDS))?;
        ben.click("#messages .play")?;
        made.until(ben, "it plays", "audio().currentTime > 0.1", &json!(null))?;
        made.until(ana, "its author can play it as well", is_playable, &json!(SECONDS))?;
        ben.click("#messages .play")?;
        made.until(ben, "it pauses", "audio().paused", &json!(null))?;
        ben.click("#files .save")?;
        made.until(ben, "it is saved", "$('#files .save').textContent === 'Saved'", &json!(null))?;
        let read = |path: PathBuf| fs::read(path).map_err(|error| error.to_string());
        let saved = read(self.downloads("Ben").join(TAKE))?;
        made.that("the saved file is the one that was sent", saved == read(take.to_owned())?)
    }

    /// Ben goes back to his sessions, and opens this one from the list.
    fn leave_and_return(&self, ben: &Window, made: &mut Checks) -> Result<(), String> {
        let before = ben.texts()?;
        ben.click("#leave")?;
        made.until(
            ben,
            "the session is listed",
            "$$('.session strong').some((each) => each.textContent === it)",
            &json!("Summer EP"),
        )?;
        self.keep("sessions", ben)?;
        ben.click(".session")?;
        made.until(ben, "it opens again", "isOpen()", &json!(null))?;
        made.until(ben, "with everything", "JSON.stringify(messages()) === JSON.stringify(it)", &before)?;
        made.until(ben, "under the same name", "$('#members em')?.parentNode.firstChild.data === 'Ben'", &json!(null))
    }

    /// Cleo joins before all of Ben's messages have arrived. Ben is away and cannot put the missing one back.
    fn join(&self, ana: &Window, folder: &Path, made: &mut Checks) -> Result<Window, String> {
        let failed = |error: std::io::Error| error.to_string();
        let message = folder.join(author(ana, "Ben")?).join(format!("{:016x}", 3));
        let withheld = self.place.join("withheld");
        fs::rename(&message, &withheld).map_err(failed)?;
        let cleo = self.window("Cleo", &["--folder", &folder.display().to_string(), "--name", "Cleo"])?;
        let waits = "$('#waiting small')?.textContent === 'waits for number 3 of Ben, which has not arrived'";
        made.until(&cleo, "messages wait, and the window says why", waits, &json!(null))?;
        let is_partial = "!$('#progress').hidden && $('#progress-bar').value > 0 && $('#progress-bar').value < 1";
        made.until(&cleo, "the window shows how far the join is", is_partial, &json!(null))?;
        made.until(&cleo, "the doctor explains it", "findings().includes(it)", &json!("gap"))?;
        self.keep("join", &cleo)?;
        fs::rename(&withheld, &message).map_err(failed)?;
        made.until(&cleo, "nothing waits any more", "$('#waiting-section').hidden", &json!(null))?;
        made.until(&cleo, "everything is here", "$('#progress').hidden", &json!(null))?;
        made.until(&cleo, "in the same order", "JSON.stringify(messages()) === JSON.stringify(it)", &ana.texts()?)?;
        Ok(cleo)
    }

    fn window(&self, who: &'static str, arguments: &[&str]) -> Result<Window, String> {
        let own = |what: &str| self.place.join(what).join(who).display().to_string();
        let mut all = vec!["--state".to_owned(), own("state"), "--downloads".to_owned(), own("downloads")];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let driver = Driver::open(self.screen, self.program, &all, &self.place.join(who))?;
        Ok(Window { who, driver })
    }

    fn downloads(&self, who: &str) -> PathBuf {
        self.place.join("downloads").join(who)
    }

    /// Keeps a picture, if pictures are wanted.
    fn keep(&self, name: &str, window: &Window) -> Result<(), String> {
        let Some(directory) = self.pictures else { return Ok(()) };
        fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let file = directory.join(format!("{name}.png"));
        window.picture(&file)?;
        println!("drawn into {}", file.display());
        Ok(())
    }
}

/// Both write, and both see the same order.
fn talk(ana: &Window, ben: &Window, made: &mut Checks) -> Result<(), String> {
    let lines = [
        (ana, "The chorus drags a little. Shall we take it at 124?"),
        (ben, "Yes, 124. I can redo the drums tonight"),
        (ana, "I will send the bass once more, to the new click"),
        (ben, "Please with the pickup into bar 9"),
    ];
    for (window, text) in lines {
        window.say(text)?;
        for window in [ana, ben] {
            made.until(window, "the message is shown", "has(it)", &json!(text))?;
        }
    }
    // At the same time, so that neither knows of the other's.
    ana.say("Also the second voice?")?;
    ben.say("And who mixes?")?;
    same_order(ana, ben, lines.len() + 3, made)
}

fn same_order(ana: &Window, ben: &Window, messages: usize, made: &mut Checks) -> Result<(), String> {
    for window in [ana, ben] {
        made.until(window, "all messages are shown", "messages().length === it", &json!(messages))?;
    }
    made.until(ben, "both show one order", "JSON.stringify(messages()) === JSON.stringify(it)", &ana.texts()?)
}

/// Text from others stays text, and the page can run no code but its own.
fn hostility(ana: &Window, ben: &Window, made: &mut Checks) -> Result<(), String> {
    ben.say(HOSTILE)?;
    made.until(ana, "hostile text is shown as it is", "has(it)", &json!(HOSTILE))?;
    let is_text = "$$('#room img, #room script').length === 0 && document.title.endsWith('Tempo')";
    made.until(ana, "and does nothing", is_text, &json!(null))?;
    let is_refused = "(() => { try { return eval('false'); } catch (error) { return error instanceof EvalError; } })()";
    made.until(ana, "no text is run as code", is_refused, &json!(null))?;
    made.until(ana, "no script but the page's own runs", "!runs(it)", &json!("document.title = 'harm'"))
}

/// Each shows that the other has seen what it wrote, and what keeps its order.
fn settle(ana: &Window, ben: &Window, made: &mut Checks) -> Result<(), String> {
    ana.say("Good. I mix, you master")?;
    ben.say("Deal")?;
    for (window, other) in [(ana, "Ben"), (ben, "Ana")] {
        let is_seen = "$('#messages .mine .seen').title === `Seen by ${it}`";
        made.until(window, "the first own message was seen", is_seen, &json!(other))?;
        let is_settled = "$('#messages .message').classList.contains('settled')";
        made.until(window, "the first message is settled", is_settled, &json!(null))?;
        let is_connected = "$('#folder-state').dataset.state === 'attached' && $('#progress').hidden";
        made.until(window, "everything is in the folder", is_connected, &json!(null))?;
    }
    same_order(ana, ben, 9, made)
}

/// A service makes a conflict copy of a message, and a foreign file appears in the folder.
fn doctor(ana: &Window, folder: &Path, made: &mut Checks) -> Result<(), String> {
    made.until(ana, "nothing is wrong", "$('#findings details[data-severity=attention]') === null", &json!(null))?;
    let failed = |error: std::io::Error| error.to_string();
    let authors = fs::read_dir(folder).map_err(failed)?.filter_map(Result::ok).map(|entry| entry.path());
    let message =
        authors.filter(|path| path.is_dir()).map(|path| path.join(format!("{:016x}", 2))).find(|path| path.is_file());
    let message = message.ok_or("no member has a second message in the folder")?;
    let copy = format!("{} (Ben's conflicted copy 2026-07-04)", message.display());
    fs::copy(&message, copy).map_err(failed)?;
    fs::write(folder.join("lyrics.txt"), "la la la").map_err(failed)?;
    for kind in ["equal-copy", "foreign"] {
        made.until(ana, "the doctor finds what is in the folder", "findings().includes(it)", &json!(kind))?;
    }
    let advice = "$$('#findings details').every((each) => each.querySelector('.advice')?.textContent.length > 0)";
    made.until(ana, "and says what to do", advice, &json!(null))
}

/// Ben does not come back, and Ana retires him with two clicks.
fn retire(ana: &Window, cleo: &Window, made: &mut Checks) -> Result<(), String> {
    ana.say("Ben has moved to Lisbon")?;
    cleo.say("Oh!")?;
    let button = format!("#members [data-author='{}'] .retire", author(ana, "Ben")?);
    made.until(ana, "the order waits for Ben", "$(it) !== null", &json!(button))?;
    ana.click(&button)?;
    made.until(ana, "the window asks", "$(it).textContent.startsWith('Sure?')", &json!(button))?;
    ana.click(&button)?;
    for window in [ana, cleo] {
        let has_left = "$('#members .gone strong')?.textContent === 'Ben'";
        made.until(window, "both know that he has left", has_left, &json!(null))?;
    }
    Ok(())
}

/// Returns the author of a member.
fn author(window: &Window, name: &str) -> Result<String, String> {
    let found = "$$('#members li').find((each) => $('strong', each).firstChild.data === it)?.dataset.author";
    let author = window.value(found, &json!(name))?;
    author.as_str().map(str::to_owned).ok_or_else(|| format!("{} is no member\n{}", name, window.page()))
}

/// The number of checks that were made.
#[derive(Debug, Default)]
struct Checks(usize);

impl Checks {
    fn until(&mut self, window: &Window, what: &str, expression: &str, it: &Value) -> Result<(), String> {
        self.0 += 1;
        window.until(what, expression, it)
    }

    fn that(&mut self, what: &str, holds: bool) -> Result<(), String> {
        self.0 += 1;
        if holds { Ok(()) } else { Err(format!("not so: {what}")) }
    }
}
