//! Text of others that is safe to show.

use alloc::string::String;

/// Returns text for display: control characters and marks that change the direction of text are escaped, so that nothing that
/// comes from a folder can act on a terminal.
pub fn printable_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_printable(&mut shown, text, |_| false);
    shown
}

/// Appends text as [`printable_text`] gives it, and escapes the characters that `escape` names as well.
pub fn push_printable(shown: &mut String, text: &str, escape: impl Fn(char) -> bool) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !escape(char::from(byte))) {
        return shown.push_str(text);
    }
    for c in text.chars() {
        if is_plain(c) && !escape(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    !(c.is_control() || invisible)
}
