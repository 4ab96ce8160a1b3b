//! The program that tests run as an instance. It answers every request with its process ids and its environment.
//!
//! Its argument selects a behaviour: `ends` at once; is `stubborn` and ignores SIGTERM; has a `family`, one child
//! that is known only by its group and one that is known only by its environment. It exits once its data folder is
//! gone, so that a failed test leaves nothing behind.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if let [child, folder] = arguments.as_slice()
        && child == "child"
    {
        end_with(Path::new(folder));
    }
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    writeln!(io::stdout(), "hello from {}", environment["INSTANCE_ID"])?;
    if has("ends") {
        return Ok(());
    }
    if has("stubborn") {
        SigSet::from(Signal::SIGTERM).thread_block()?;
    }
    let folder = environment["INSTANCE_DATA_DIR"].clone();
    let mut pids = vec![std::process::id()];
    if has("family") {
        let child = || {
            let mut child = Command::new(std::env::current_exe()?);
            child.arg("child").arg(&folder);
            io::Result::Ok(child)
        };
        pids.push(child()?.env_clear().spawn()?.id());
        pids.push(child()?.process_group(0).spawn()?.id());
    }
    std::thread::spawn(move || end_with(Path::new(&folder)));
    serve(&environment, &pids)
}

fn end_with(folder: &Path) -> ! {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    while folder.exists() {
        let _ = never.recv_timeout(Duration::from_secs(2));
    }
    std::process::exit(0)
}

fn serve(environment: &BTreeMap<String, String>, pids: &[u32]) -> io::Result<()> {
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    let mut lines = vec![format!("pids {}", pids.join(" "))];
    lines.extend(
        environment
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    let body = lines.join("\n") + "\n";
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let response = head + &body;
    let listener = TcpListener::bind(format!("127.0.0.1:{}", environment["PORT"]))?;
    for stream in listener.incoming() {
        // A caller may disconnect at any time.
        let _ = answer(stream?, &response);
    }
    Ok(())
}

fn answer(mut stream: TcpStream, response: &str) -> io::Result<()> {
    let _ = stream.read(&mut [0; 1024])?;
    stream.write_all(response.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    // A request that is not read completely would reset the connection, and the answer could be lost.
    io::copy(&mut stream, &mut io::sink()).map(drop)
}
