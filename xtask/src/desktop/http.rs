//! One request with JSON to a program on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The time limit of a request. Opening a window takes the longest.
const PATIENCE: Duration = Duration::from_secs(90);

/// Sends a request and returns the status with the body.
///
/// # Errors
///
/// The reason why there is no answer.
pub(super) fn ask(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
    let failed = |error: std::io::Error| format!("{method} {path}: {error}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let body = body.map_or_else(String::new, Value::to_string);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).map_err(failed)?;
    read(BufReader::new(stream)).map_err(|why| format!("{method} {path}: {why}"))
}

/// Reads an answer that says how long it is.
fn read(mut from: impl BufRead) -> Result<(u16, Value), String> {
    let mut line = || -> Result<String, String> {
        let mut line = String::new();
        from.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line.trim_end().to_owned())
    };
    let first = line()?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("this is no answer: `{first}`"))?;
    let mut length = 0;
    loop {
        let header = line()?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| format!("`{header}`"))?;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).map_err(|error| error.to_string())?;
    let body = serde_json::from_slice(&body).map_err(|error| format!("the body is no JSON: {error}"))?;
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_to_its_length() {
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 11\r\nX: y\r\n\r\n{\"value\":1}{";
        assert_eq!(read(&answer[..]), Ok((404, json!({ "value": 1 }))));
        assert!(read(&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"[..]).is_err(), "it is cut");
        assert!(read(&b"hello\r\n\r\n"[..]).is_err());
    }
}
