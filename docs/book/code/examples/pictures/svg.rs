//! A run as a small picture: a lane for each member, an arrow for each delivery, and the order below.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use tempo_sim::{Trace, trace::What};

const WIDTH: f64 = 760.0;
/// The left end of the lanes. The names are before it.
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 30.0;
const TOP: f64 = 44.0;
/// The distance between two lanes.
const LANE: f64 = 76.0;
/// The height of a line of text below the lanes.
const LINE: f64 = 24.0;
/// A color for each member.
const COLORS: [&str; 3] = ["#0b6e99", "#b3541e", "#4f7a28"];

/// What a member did with one message.
#[derive(Debug, Default, Clone, Copy)]
struct Path {
    arrived: Option<Duration>,
    held: Option<Duration>,
    delivered: Option<Duration>,
    /// Where that is drawn, from left to right.
    place: f64,
    /// True if it was put above messages that were there before.
    is_late: bool,
}

/// A run with the times that are drawn.
struct Picture<'a> {
    trace: &'a Trace,
    /// The letter of each message in the timeline, by its number.
    letters: BTreeMap<usize, char>,
    /// What each member did with each of them, by message and member.
    paths: BTreeMap<(usize, usize), Path>,
    begin: Duration,
    end: Duration,
}

/// Draws a run as an SVG document.
pub(super) fn draw(trace: &Trace) -> String {
    let picture = Picture::of(trace);
    let lanes = trace.members.iter().zip(0_u32..).map(|(name, lane)| picture.lane(name, lane));
    let arrows = picture.letters.keys().map(|&message| picture.message(message));
    let parts: Vec<String> = lanes.chain(arrows).chain([picture.order()]).collect();
    let height = picture.below() + LINE * f64::from(u32::try_from(picture.letters.len()).unwrap_or(0) + 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#fff\"/>\n{}</svg>\n",
        parts.concat()
    )
}

impl<'a> Picture<'a> {
    fn of(trace: &'a Trace) -> Self {
        let mut sent: Vec<usize> = trace.timeline.clone();
        sent.sort_unstable();
        let letters: BTreeMap<usize, char> = sent.into_iter().zip('a'..='z').collect();
        let mut picture = Self { trace, letters, paths: BTreeMap::new(), begin: Duration::MAX, end: Duration::ZERO };
        let mut delivered = vec![Vec::new(); trace.members.len()];
        for step in &trace.steps {
            let (What::Send(message) | What::Arrive(message) | What::Hold(message) | What::Deliver { message, .. }) =
                step.what
            else {
                continue;
            };
            if !picture.letters.contains_key(&message) {
                continue;
            }
            let path = picture.paths.entry((message, step.member)).or_default();
            match step.what {
                What::Send(_) | What::Arrive(_) => _ = path.arrived.get_or_insert(step.at),
                What::Hold(_) => _ = path.held.get_or_insert(step.at),
                What::Deliver { position, .. } => {
                    path.delivered = Some(step.at);
                    if let Some(delivered) = delivered.get_mut(step.member) {
                        path.is_late = position < delivered.len();
                        delivered.push(message);
                    }
                    picture.end = picture.end.max(step.at);
                }
                _ => {}
            }
            picture.begin = picture.begin.min(step.at);
        }
        for (member, messages) in delivered.into_iter().enumerate() {
            picture.arrange(member, &messages);
        }
        picture
    }

    /// Finds places for the messages that a member got, in this order, side by side if they came at once.
    fn arrange(&mut self, member: usize, messages: &[usize]) {
        let mut free = 0.0_f64;
        for &message in messages {
            let Some(at) = self.paths.get(&(message, member)).and_then(|path| path.delivered) else { continue };
            let place = self.x(at).max(free);
            free = place + 22.0;
            if let Some(path) = self.paths.get_mut(&(message, member)) {
                path.place = place;
            }
        }
    }

    /// Returns the place of a time, from left to right.
    fn x(&self, at: Duration) -> f64 {
        let span = self.end.saturating_sub(self.begin).as_secs_f64() + 2.0;
        let since = at.saturating_sub(self.begin).as_secs_f64() + 1.0;
        (LEFT + (RIGHT - LEFT) * (since / span).min(1.0)).round()
    }

    /// Returns the end of the lanes, from the top.
    fn below(&self) -> f64 {
        y(self.trace.members.len()) - LANE + 46.0
    }

    fn lane(&self, name: &str, lane: u32) -> String {
        let y = TOP + LANE * f64::from(lane);
        let mut out = format!(
            "<text x=\"12\" y=\"{}\" font-weight=\"bold\" fill=\"{}\">{name}</text>\n\
             <line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\" stroke=\"#bbb\" stroke-width=\"2\"/>\n",
            y + 5.0,
            color(usize::try_from(lane).unwrap_or(0))
        );
        let mut since = Duration::ZERO;
        for step in self.trace.steps.iter().filter(|step| u32::try_from(step.member) == Ok(lane)) {
            match step.what {
                What::Offline => since = step.at,
                What::Online => {
                    let (from, to) = (self.x(since), self.x(step.at));
                    _ = write!(
                        out,
                        "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"#fff\" stroke-width=\"3\"/>\n\
                         <line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"#bbb\" stroke-width=\"2\" \
                         stroke-dasharray=\"3 5\"/>\n\
                         <text x=\"{}\" y=\"{}\" fill=\"#666\" font-size=\"12\">offline</text>\n",
                        from + 6.0,
                        y + 30.0
                    );
                }
                _ => {}
            }
        }
        out
    }

    /// Draws a message: its sending, and its way to every other member.
    fn message(&self, message: usize) -> String {
        let Some(author) = self.trace.messages.get(message).map(|sent| sent.member) else { return String::new() };
        let own = self.paths.get(&(message, author)).copied().unwrap_or_default();
        let (from, letter) = (own.place, self.letter(message));
        let color = color(author);
        let mut out = String::new();
        for (&(_, member), path) in self.paths.range((message, 0)..(message + 1, 0)) {
            let Some(arrived) = path.arrived.filter(|_| member != author) else { continue };
            let (end, y) = (path.place, y(member));
            let to = if path.held.is_some() { self.x(arrived) } else { end };
            let toward = if member > author { -11.0 } else { 11.0 };
            _ = writeln!(
                out,
                "<line x1=\"{from}\" y1=\"{}\" x2=\"{to}\" y2=\"{}\" stroke=\"{color}\" stroke-width=\"1.5\" \
                 marker-end=\"url(#tip)\"/>",
                self::y(author),
                y + toward
            );
            if path.held.is_some() {
                _ = write!(
                    out,
                    "<rect x=\"{to}\" y=\"{}\" width=\"{}\" height=\"8\" fill=\"none\" stroke=\"{color}\" \
                     stroke-dasharray=\"3 2\"/>\n<text x=\"{}\" y=\"{}\" font-size=\"12\" fill=\"#555\">{letter} \
                     waits</text>\n",
                    y - 4.0,
                    self.x(path.delivered.unwrap_or(arrived)) - 10.0 - to,
                    to + 12.0,
                    y + 22.0
                );
            }
            let mark = if path.is_late { " stroke-dasharray=\"3 2\"" } else { "" };
            out +=
                &circle(end, y, &format!("fill=\"#fff\" stroke=\"{color}\" stroke-width=\"2\"{mark}"), letter, color);
            if path.is_late {
                let (x, y) = (end - 22.0, if member > author { y + 26.0 } else { y - 16.0 });
                _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" font-size=\"12\" fill=\"#555\">inserted</text>");
            }
        }
        out + &circle(from, y(author), &format!("fill=\"{color}\""), letter, "#fff")
    }

    /// Lists the messages in the order that all members have.
    fn order(&self) -> String {
        let first = self.below() + LINE;
        let mut out =
            format!("<text x=\"12\" y=\"{first}\" fill=\"#555\">The order that all members have in the end:</text>\n");
        for (&number, line) in self.trace.timeline.iter().zip(1_u32..) {
            let Some(sent) = self.trace.messages.get(number) else { continue };
            let y = first + LINE * f64::from(line);
            out += &circle(24.0, y - 5.0, &format!("fill=\"{}\"", color(sent.member)), self.letter(number), "#fff");
            let name = self.trace.members.get(sent.member).map_or("", String::as_str);
            _ = writeln!(out, "<text x=\"42\" y=\"{y}\" fill=\"#222\">{name}: {}</text>", escape(&sent.text));
        }
        out
    }

    fn letter(&self, message: usize) -> char {
        self.letters.get(&message).copied().unwrap_or('?')
    }
}

/// Returns the height of a member's lane.
fn y(member: usize) -> f64 {
    TOP + LANE * f64::from(u32::try_from(member).unwrap_or(u32::MAX))
}

fn color(member: usize) -> &'static str {
    COLORS.get(member % COLORS.len()).copied().unwrap_or("#333")
}

fn circle(x: f64, y: f64, style: &str, letter: char, color: &str) -> String {
    format!(
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"9\" {style}/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" \
         font-size=\"12\" fill=\"{color}\">{letter}</text>\n",
        y + 4.0
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
