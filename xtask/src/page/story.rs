//! The expected content of a page: computed from the data inside it, without the page's script.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The run that a page shows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Story {
    /// The names of the members.
    pub(super) members: Vec<String>,
    /// The title of each message, by number: its author's name and its counter.
    pub(super) titles: Vec<String>,
    /// The authors of the messages, by number; an unknown author is `None`.
    pub(super) authors: Vec<Option<usize>>,
    /// The sent messages, with the time of sending in seconds.
    pub(super) sent: BTreeMap<usize, f64>,
    /// Each message that entered the timeline of a member other than its author.
    pub(super) deliveries: BTreeSet<(usize, usize)>,
    /// The final order.
    pub(super) timeline: Vec<usize>,
    /// The time of the last event, in seconds.
    pub(super) end: f64,
}

impl Story {
    /// Reads the data block of a page; returns `None` if it is malformed.
    pub(super) fn read(page: &str) -> Option<Self> {
        let data: Value = serde_json::from_str(block(page, "trace")?).ok()?;
        let list = |name: &str| data.get(name)?.as_array();
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        let mut story = Self {
            members: list("members")?.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            timeline: list("timeline")?.iter().map(number).collect::<Option<_>>()?,
            ..Self::default()
        };
        for message in list("messages")? {
            // A negative number stands for no author.
            let author = number(message.get(0)?);
            let name = author.and_then(|author| story.members.get(author)).map_or("?", String::as_str);
            story.titles.push(format!("{name} {}", message.get(1)?.as_str()?));
            story.authors.push(author);
        }
        for step in list("steps")? {
            let (who, message) = (number(step.get(1)?)?, step.get(3).and_then(number));
            let at = step.get(0)?.as_f64()? / 1e6;
            story.end = story.end.max(at);
            match (step.get(2)?.as_str()?, message) {
                ("send", Some(message)) => {
                    story.sent.entry(message).or_insert(at);
                }
                ("deliver", Some(message)) if story.authors.get(message) != Some(&Some(who)) => {
                    story.deliveries.insert((message, who));
                }
                _ => {}
            }
        }
        Some(story)
    }

    /// Returns all sent messages.
    pub(super) fn all(&self) -> BTreeSet<usize> {
        self.sent.keys().copied().collect()
    }

    /// Returns the sent messages of one author.
    pub(super) fn sent_by(&self, author: usize) -> BTreeSet<usize> {
        self.sent.keys().copied().filter(|&message| self.authors.get(message) == Some(&Some(author))).collect()
    }

    /// Returns the number of arrows of some messages.
    pub(super) fn arrows(&self, of: &BTreeSet<usize>) -> usize {
        self.deliveries.iter().filter(|(message, _)| of.contains(message) && self.sent.contains_key(message)).count()
    }

    /// Returns the seconds between the first and the last of some messages.
    pub(super) fn spread(&self, of: &BTreeSet<usize>) -> f64 {
        let times = || of.iter().filter_map(|message| self.sent.get(message));
        times().fold(0.0, |last: f64, &at| last.max(at)) - times().fold(self.end, |first: f64, &at| first.min(at))
    }
}

/// Returns the text of a script element with an id; data blocks contain no `<`.
pub(super) fn block<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">"))?;
    rest.split_once("</script>").map(|(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<script type="application/json" id="trace">
{"members":["Ana","Ben"],
"messages":[[0,"1","1","one",[]],[1,"1","2","two",[0]],[-1,"9","2","",[]]],
"steps":[[1000,0,"send",0],[1000,0,"deliver",0,0],[2000,1,"deliver",0,0],[2500,1,"deliver",0,0],[3000000,1,"send",1],
[3000000,0,"crash"]],
"timeline":[0,1],"failed":false}
</script><script>"id"</script>"#;

    #[test]
    fn the_story_matches_the_data() {
        let story = Story::read(PAGE).unwrap();
        assert_eq!(story.members, ["Ana", "Ben"]);
        assert_eq!(story.titles, ["Ana 1", "Ben 1", "? 9"]);
        assert_eq!(story.authors, [Some(0), Some(1), None]);
        assert_eq!(story.all(), BTreeSet::from([0, 1]));
        assert!((story.spread(&story.all()) - 2.999).abs() < 1e-9);
        assert_eq!(story.deliveries, BTreeSet::from([(0, 1)]), "once, and not at its author");
        assert_eq!(story.timeline, [0, 1]);
        assert!((story.end - 3.0).abs() < 1e-9);
        assert_eq!(story.sent_by(1), BTreeSet::from([1]));
        assert_eq!((story.arrows(&story.all()), story.arrows(&BTreeSet::from([1]))), (1, 0));
    }

    #[test]
    fn a_page_without_data_has_no_story() {
        assert_eq!(Story::read("<html></html>"), None);
        assert_eq!(Story::read(&PAGE.replace("\"members\"", "\"people\"")), None);
    }
}
