//! American spelling, from a small table.
//!
//! The table holds the American words; the British ones are made from it, so that it does not find itself.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::source::{Finding, SourceFile};

/// Words that differ in the same way: each stem with each inflection, spelled in either manner.
struct Family {
    stems: &'static [&'static str],
    american: &'static str,
    british: &'static str,
    inflections: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        stems: &["arm", "behavi", "col", "endeav", "fav", "flav", "harb", "hon", "hum", "lab", "neighb", "rum", "vig"],
        american: "or",
        british: "our",
        inflections: &["", "s", "ed", "ing", "able", "ably", "al", "ally", "ful", "hood", "ite", "ites", "less", "ly"],
    },
    Family {
        stems: &[
            "author",
            "canonical",
            "capital",
            "categor",
            "central",
            "character",
            "custom",
            "digit",
            "emphas",
            "equal",
            "final",
            "general",
            "initial",
            "item",
            "local",
            "material",
            "maxim",
            "memor",
            "minim",
            "modern",
            "normal",
            "optim",
            "organ",
            "parallel",
            "priorit",
            "quant",
            "random",
            "real",
            "recogn",
            "sanit",
            "serial",
            "special",
            "stabil",
            "standard",
            "summar",
            "symbol",
            "synchron",
            "token",
            "util",
            "virtual",
            "visual",
        ],
        american: "iz",
        british: "is",
        inflections: &["e", "es", "ed", "ing", "er", "ers", "able", "ation", "ations"],
    },
    Family {
        stems: &["anal", "catal", "paral"],
        american: "yz",
        british: "ys",
        inflections: &["e", "ed", "ing", "er", "ers"],
    },
    Family {
        stems: &[
            "cancel", "channel", "dial", "fuel", "initial", "label", "level", "marshal", "model", "panel", "signal",
            "total", "travel", "tunnel",
        ],
        american: "",
        british: "l",
        inflections: &["ed", "ing", "er", "ers", "able"],
    },
    Family { stems: &["cent", "fib", "theat"], american: "er", british: "re", inflections: &["", "s"] },
    Family { stems: &["cent"], american: "er", british: "r", inflections: &["ed", "ing"] },
    Family {
        stems: &["def", "lic", "off", "pret"],
        american: "ense",
        british: "ence",
        inflections: &["", "s", "d", "less"],
    },
    Family { stems: &["anal", "catal"], american: "og", british: "ogu", inflections: &["ed", "ing"] },
    Family { stems: &["anal", "catal"], american: "og", british: "ogue", inflections: &["", "s"] },
    Family { stems: &["judg"], american: "ment", british: "ement", inflections: &["", "s", "al"] },
    Family { stems: &["gr"], american: "ay", british: "ey", inflections: &["", "s", "ed", "ing", "ish", "scale"] },
    Family { stems: &["art"], american: "ifact", british: "efact", inflections: &["", "s"] },
    Family { stems: &["fulfi"], american: "ll", british: "l", inflections: &["", "s", "ment"] },
    Family { stems: &["program"], american: "", british: "me", inflections: &["", "s"] },
];

/// What may stand before a word of the table.
const PREFIXES: &[&str] = &["", "de", "dis", "mis", "non", "pre", "re", "un"];

/// From the British spelling to the American one.
static TABLE: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for family in FAMILIES {
        for stem in family.stems {
            for end in family.inflections {
                for prefix in PREFIXES {
                    table.insert(
                        format!("{prefix}{stem}{}{end}", family.british),
                        format!("{prefix}{stem}{}{end}", family.american),
                    );
                }
            }
        }
    }
    table
});

/// No British spelling, in prose or in a name. Addresses of pages are left alone.
pub(super) fn british(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let chunks = line.split_whitespace().filter(|chunk| !chunk.contains("://"));
        for word in chunks.flat_map(words) {
            if let Some(american) = TABLE.get(&word) {
                findings.push(file.finding(number, format!("`{word}` is British; write `{american}`")));
            }
        }
    }
    findings
}

/// The words of a piece of text or of a name in any case style, in lower case.
fn words(chunk: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for c in chunk.chars() {
        let begins = !c.is_alphabetic() || (c.is_uppercase() && before_is_lower);
        if begins {
            words.push(String::new());
        }
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_is_lower = c.is_lowercase();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrections(text: &str) -> Vec<String> {
        let findings = british(&SourceFile::new("README.md", text));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn british_words_are_found_in_prose_and_in_names() {
        // `*` keeps the words from being found in this file.
        for (british, american) in [
            ("Behavi*our", "behavior"),
            ("un-reco*gnised", "recognized"),
            ("deseria*lise_frame", "deserialize"),
            ("fn isUnini*tialised()", "uninitialized"),
            ("cance*lled,", "canceled"),
            ("the neigh*bours'", "neighbors"),
            ("cen*tred", "centered"),
            ("lic*ence", "license"),
            ("catalo*gue", "catalog"),
            ("judge*ment", "judgment"),
            ("ana*lysing", "analyzing"),
            ("gr*ey", "gray"),
            ("disho*nourable", "dishonorable"),
        ] {
            let found = corrections(&format!("\n{}\n", british.replace('*', "")));
            assert_eq!(found.len(), 1, "{british}: {found:?}");
            for line in found {
                assert!(line.starts_with("README.md:2: "), "{line}");
                assert!(line.ends_with(&format!("write `{american}`")), "{line}");
            }
        }
    }

    #[test]
    fn american_words_and_those_that_both_use_are_right() {
        let good = "behavior recognized canceled cancellation license center gray hour four \
                    otherwise exercise promise revise analyses controlled programmed organism \
                    characteristic optimistic realistic greyhound finalist concentric";
        assert_eq!(corrections(good), Vec::<String>::new());
    }

    #[test]
    fn addresses_are_left_alone() {
        let address = format!("see https://example.org/{}{}/\n", "organi", "sation");
        assert_eq!(corrections(&address), Vec::<String>::new());
    }
}
