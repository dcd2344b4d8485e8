//! Escaping of text in HTML, and in a JSON block inside HTML.

/// Returns the text with its invisible control characters replaced by visible ones.
///
/// Line feeds and tabs stay. The other ASCII controls become their pictures (`␀`, `␛`). Other controls, and those
/// that change the writing direction, become U+FFFD. So no text can end a line that it should not end, hide a part of
/// itself, or send commands to a terminal when it is copied.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
            '\u{7f}' => '\u{2421}',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Escapes text for an HTML element or a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text as a JSON string with quotes, which cannot end the script element around it.
pub(super) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in visible(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(visible("a\0b\u{1b}[31m\u{7f}\u{85}\u{202e}\n\t"), "a␀b␛[31m␡\u{fffd}\u{fffd}\n\t");
    }

    #[test]
    fn html_has_no_markup_left() {
        assert_eq!(html(r#"<b title="x">'&"#), "&lt;b title=&quot;x&quot;&gt;&#39;&amp;");
    }

    #[test]
    fn json_cannot_end_the_script() {
        assert_eq!(json("</script><!--"), r#""\u003c/script\u003e\u003c!--""#);
        assert_eq!(json("a\"b\\c\n\u{2028}&\r"), r#""a\"b\\c\n\u2028\u0026␍""#);
    }
}
