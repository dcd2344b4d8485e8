//! Rust source reduced to what is code.
//!
//! The checks look for words, and a word in a comment or in a literal is not a use of it. So comments, and literals
//! with their quotes, become blanks; everything else, and every line, stays where it is.

/// `text` with comments, strings and characters blanked.
pub(super) fn of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (is_code, len) = next_piece(rest);
        let (piece, later) = rest.split_at(len);
        if is_code {
            code.push_str(piece);
        } else {
            code.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = later;
    }
    code
}

/// Whether `needle` occurs in `line`, and not as a part of a longer name.
pub(super) fn mentions(line: &str, needle: &str) -> bool {
    let may_follow = |before: &str| !(before.ends_with(is_word) && needle.starts_with(is_word));
    let may_precede = |after: &str| !(after.starts_with(is_word) && needle.ends_with(is_word));
    line.match_indices(needle).any(|(at, _)| {
        let (before, found) = line.split_at(at);
        may_follow(before) && found.strip_prefix(needle).is_some_and(may_precede)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the next piece of `rest`, which is not empty, is code, and how long it is.
fn next_piece(rest: &str) -> (bool, usize) {
    let hidden = line_comment(rest)
        .or_else(|| block_comment(rest))
        .or_else(|| string(rest))
        .or_else(|| raw_string(rest))
        .or_else(|| character(rest));
    if let Some(len) = hidden {
        return (false, len);
    }
    // A name is one piece, lest the `r` at its end begin a raw string.
    let name = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    (true, name.max(one))
}

fn line_comment(rest: &str) -> Option<usize> {
    let comment = rest.starts_with("//");
    comment.then(|| rest.find('\n').unwrap_or(rest.len()))
}

/// Block comments nest.
fn block_comment(rest: &str) -> Option<usize> {
    let mut inside = rest.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = inside.find(['/', '*']) else {
            return Some(rest.len());
        };
        let (_, mark) = inside.split_at(at);
        if let Some(after) = mark.strip_prefix("/*") {
            depth += 1;
            inside = after;
        } else if let Some(after) = mark.strip_prefix("*/") {
            depth -= 1;
            inside = after;
        } else {
            let (_, after) = mark.split_at(1);
            inside = after;
        }
    }
    Some(rest.len() - inside.len())
}

fn string(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    Some(rest.len())
}

/// `r"…"`, `r#"…"#`, and the same for bytes and C strings.
fn raw_string(rest: &str) -> Option<usize> {
    let fence = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let quote = fence.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(fence.len() - quote.len()));
    let inside = quote.strip_prefix('"')?;
    let Some(at) = inside.find(&end) else {
        return Some(rest.len());
    };
    Some(rest.len() - inside.len() + at + end.len())
}

/// `'x'` or `'\n'`; a lifetime is code.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut chars = inside.char_indices();
    let (_, first) = chars.next()?;
    let (at, _) = if first == '\\' {
        // What follows the backslash may itself be a quote.
        chars.skip(1).find(|&(_, c)| c == '\'')?
    } else {
        chars.next().filter(|&(_, c)| c == '\'')?
    };
    Some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code with runs of blanks shortened, so that the expectation can be read.
    fn words(text: &str) -> String {
        of(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_blank_also_when_nested() {
        assert_eq!(words("a // b\nc"), "a c");
        assert_eq!(words("/// doc \"open\nc"), "c");
        assert_eq!(words("a /* b /* c */ d */ e"), "a e");
        assert_eq!(words("a /* never closed"), "a");
        assert_eq!(words("a / b * c"), "a / b * c");
    }

    #[test]
    fn literals_are_blank_also_with_quotes_inside() {
        assert_eq!(words(r#"f("a \" // b", c)"#), "f( , c)");
        assert_eq!(words(r##"f(r#"a " // b"#, c)"##), "f( , c)");
        assert_eq!(words(r#"f(br"a\", c)"#), "f( , c)");
        assert_eq!(words(r"f('\'', '\u{1F600}', '/', b'x', c)"), "f( , , , b , c)");
        assert_eq!(words("a \"never closed"), "a");
    }

    #[test]
    fn what_only_looks_like_a_literal_is_code() {
        let lifetimes = "fn f<'a, 'b>(x: &'a str) -> &'static str";
        assert_eq!(of(lifetimes), lifetimes);
        assert_eq!(of("r#type + bar"), "r#type + bar");
        assert_eq!(words("car\"x\""), "car");
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "let a = \"x\ny\"; /* z\n */ b\n";
        assert_eq!(of(text).lines().count(), text.lines().count());
        assert_eq!(of(text).lines().nth(2).unwrap().trim(), "b");
    }

    #[test]
    fn a_mention_is_a_whole_name() {
        assert!(mentions("use std::fs;", "std::fs"));
        assert!(mentions("x(std::fs::read(y))", "std::fs"));
        assert!(!mentions("use mystd::fs;", "std::fs"));
        assert!(!mentions("use std::fspath;", "std::fs"));
        assert!(mentions("use std::fspath; use std::fs;", "std::fs"));
    }
}
