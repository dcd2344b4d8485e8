//! The examples, run as processes.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::support::{Place, STUCK, copy_file};

/// An example that fulfills the contract of transports.
#[path = "../../examples/custom_transport.rs"]
#[allow(dead_code, reason = "its main is run as a process")]
mod custom_transport;

/// Returns the program of an example, built if necessary: a test run for certain names builds none.
/// A system on which cargo does not run, such as Wine, provides the directory of the built
/// examples.
fn example(name: &str) -> Command {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        if let Some(built) = env::var_os("TEMPO_EXAMPLES") {
            return built.into();
        }
        let own = env::current_exe().unwrap();
        let profile = own.ancestors().nth(2).unwrap();
        let target = profile.parent().unwrap();
        let profile_name = match profile.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        let built = Command::new(cargo)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--package", "tempo-session", "--all-features", "--examples"])
            .args(["--profile", profile_name, "--target-dir"])
            .arg(target)
            .status()
            .unwrap();
        assert!(built.success(), "the examples do not build");
        profile.join("examples")
    });
    Command::new(dir.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// Returns what an example prints, and checks that it ends well.
fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An example that runs until its input ends.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn new(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (line, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        Self { input: child.stdin.take(), child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for a line.
    fn expect(&self, expected: &str) {
        let end = Instant::now() + STUCK;
        loop {
            let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now()));
            if line.expect(expected) == expected {
                return;
            }
        }
    }

    fn end(mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The front page is not in the crate's archive, so no doctest can contain it.
#[test]
fn the_front_page_shows_an_example_that_runs() {
    let at = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (page, source) = (at("../README.md"), at("examples/front_page.rs"));
    let shown = page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(source.ends_with(shown), "the front page shows something else");
    assert_eq!(output(&mut example("front_page")), "0: Who plays the drums?\n");
}

#[test]
fn two_chats_show_each_others_lines() {
    let place = Place::new();
    let chat =
        |name: &str| Running::new(example("chat").arg(&place.folder).arg(name).arg("--state").arg(place.at(name)));
    let (mut ana, mut ben) = (chat("Ana"), chat("Ben"));
    ana.say("Who plays the drums?");
    ben.expect("Ana: Who plays the drums?");
    ben.say("I do.");
    for member in [&ana, &ben] {
        member.expect("Ben: I do.");
    }
    ana.end();
    ben.end();
    let chat = chat("Ana");
    chat.expect("Ana: Who plays the drums?");
    chat.expect("Ben: I do.");
}

fn todo(folder: &Path, state: &Path, words: &[&str]) -> Command {
    let mut command = example("todo");
    command.arg(folder).arg(state).args(words);
    command
}

/// Copies files that only one folder has, as a sync service does.
fn sync(from: &Path, to: &Path) {
    for dir in fs::read_dir(from).unwrap() {
        for file in fs::read_dir(dir.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let file = file.strip_prefix(from).unwrap();
            if !to.join(file).exists() {
                copy_file(from, to, file);
            }
        }
    }
}

#[test]
fn offline_edits_of_two_members_become_one_list() {
    let (anas, bens) = (Place::new(), Place::new());
    let ana = |words: &[&str]| output(&mut todo(&anas.folder, &anas.at("state"), words));
    let ben = |words: &[&str]| output(&mut todo(&bens.folder, &bens.at("state"), words));
    ana(&["add", "drums"]);
    assert_eq!(ana(&["add", "double", "bass"]), "--- 2 of 2 to do\n1. [ ] drums\n2. [ ] double bass\n");
    sync(&anas.folder, &bens.folder);

    // The folders are apart: neither member sees what the other does.
    ana(&["done", "1"]);
    ana(&["rename", "2", "electric bass"]);
    assert_eq!(ana(&["add", "keys"]), "--- 2 of 3 to do\n1. [x] drums\n2. [ ] electric bass\n3. [ ] keys\n");
    ben(&["rename", "1", "loud drums"]);
    ben(&["add", "vocals"]);
    assert_eq!(ben(&["done", "2"]), "--- 2 of 3 to do\n1. [ ] loud drums\n2. [x] double bass\n3. [ ] vocals\n");

    sync(&anas.folder, &bens.folder);
    sync(&bens.folder, &anas.folder);
    let list = ana(&["list"]);
    assert_eq!(list, ben(&["list"]));
    for line in ["--- 2 of 4 to do", "1. [x] loud drums", "2. [x] electric bass", ". [ ] keys", ". [ ] vocals"] {
        assert!(list.contains(line), "{line}:\n{list}");
    }
}

#[test]
fn a_list_is_watched_until_the_input_ends() {
    let place = Place::new();
    let watch = Running::new(&mut todo(&place.folder, &place.at("ana"), &["watch"]));
    watch.expect("--- 0 of 0 to do");
    output(&mut todo(&place.folder, &place.at("ben"), &["add", "strings"]));
    watch.expect("1. [ ] strings");
    watch.end();
}

/// Draws numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Kills a process after a while, unless it has ended by then; returns whether it has ended well.
fn kill_after(mut child: Child, span: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < span && child.try_wait().unwrap().is_none() {
        // deadline loop: until the drawn moment.
        thread::sleep(Duration::from_micros(200));
    }
    let _ = child.kill();
    child.wait().unwrap().success()
}

#[test]
fn a_list_is_right_after_its_program_was_killed() {
    const ROUNDS: u64 = 16;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed =
        env::var("TEMPO_SEED").map_or_else(|_| u64::try_from(since.as_nanos()).unwrap(), |it| it.parse().unwrap());
    println!("TEMPO_SEED={seed}");
    let (mut draw, place) = (Draw(seed | 1), Place::new());
    let (ana, ben) = (place.at("ana"), place.at("ben"));
    // The program may have to be built first.
    output(&mut todo(&place.folder, &ana, &["add", "begun"]));
    let began = Instant::now();
    output(&mut todo(&place.folder, &ana, &["list"]));
    // The time that it takes on this machine now: any moment of it may be drawn.
    let span = began.elapsed().min(Duration::from_secs(1));

    let (mut added, mut tried) = (vec!["begun".to_owned()], BTreeSet::from(["begun".to_owned()]));
    for round in 0..ROUNDS {
        let watches = draw.below(3) == 0;
        let text = format!("item {round}");
        let words = if watches { vec!["watch"] } else { vec!["add", text.as_str()] };
        let child = todo(&place.folder, &ana, &words).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        if watches {
            // Another message arrives meanwhile.
            let other = format!("Ben's item {round}");
            let adding =
                todo(&place.folder, &ben, &["add", &other]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            kill_after(child, span * u32::try_from(draw.below(2000)).unwrap() / 1000);
            assert!(kill_after(adding, STUCK), "Ben is not killed");
            added.push(other.clone());
            tried.insert(other);
        } else {
            tried.insert(text.clone());
            if kill_after(child, span * u32::try_from(draw.below(1100)).unwrap() / 1000) {
                added.push(text);
            }
        }
        let list = stable_list(&place, &ana, &ben);
        let items: Vec<&str> = list.lines().skip(1).map(|line| line.split_once("] ").unwrap().1).collect();
        assert!(added.iter().all(|text| items.contains(&text.as_str())), "{added:?} were added:\n{list}");
        assert!(items.iter().all(|text| tried.contains(*text)), "{list}");
        assert_eq!(items.iter().collect::<BTreeSet<_>>().len(), items.len(), "something is there twice:\n{list}");
    }
}

/// Returns the list that both show, once each has what the other has sent.
fn stable_list(place: &Place, ana: &Path, ben: &Path) -> String {
    let list = |state| output(&mut todo(&place.folder, state, &["list"]));
    let end = Instant::now() + STUCK;
    loop {
        let (anas, bens) = (list(ana), list(ben));
        if anas == bens {
            return anas;
        }
        assert!(Instant::now() < end, "the lists differ:\n{anas}\n{bens}");
    }
}

#[test]
fn questions_are_answered_by_tasks() {
    let expected = "Ana: Who plays the drums?
Ben: I do. (1)
Ana: Who brings the amplifier?
Ben: I do. (2)
Ana: Who \
                    drives?
Ben: I do. (3)
Ben has given 3 answers.
";
    assert_eq!(output(&mut example("async_events")), expected);
}

#[test]
fn two_windows_show_the_same() {
    let shown = output(&mut example("embed"));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 52, "{shown}");
    for name in ["Ana", "Ben"] {
        assert!(lines[..50].contains(&format!("{name}: line 40").as_str()), "{shown}");
    }
    assert_eq!(lines[50], "[connected, 2 members, 80 messages, 0 waiting for others]");
    assert_eq!(lines[51], "Both windows show the same 50 lines: true");
}

#[test]
fn a_core_is_driven_by_hand() {
    let said = output(&mut example("core"));
    assert!(said.contains("0000000000000002: Held") && said.contains("0000000000000001: Accepted"), "{said}");
}

#[test]
fn a_session_runs_over_a_custom_transport() {
    assert_eq!(output(&mut example("custom_transport")), "Ben reads: Ana: Who plays the drums?\n");
}
