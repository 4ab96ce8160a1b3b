//! On a terminal: colours, questions, and the live view.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use vt100::Parser;

use crate::stack::{KEY, Pool, eventually, nobody};

const ROWS: NonZeroU16 = NonZeroU16::new(30).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// The program on a terminal of 100 columns and 30 lines.
struct Terminal {
    screen: Arc<Mutex<Parser>>,
    raw: Arc<Mutex<String>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Ends after the last output of the program.
    reader: JoinHandle<()>,
    _terminal: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn run(pool: &Pool, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::of_width(COLUMNS, pool, variables, arguments)
    }

    fn of_width(
        columns: NonZeroU16,
        pool: &Pool,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let size = PtySize {
            rows: ROWS.get(),
            cols: columns.get(),
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_poolctl"));
        command.args(arguments);
        command.env_clear();
        command.cwd(std::env::temp_dir());
        for (name, value) in pool
            .variables()
            .iter()
            .chain([&("TERM", "xterm-256color")])
            .chain(variables)
        {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(ROWS, columns, 0)));
        let raw = Arc::new(Mutex::new(String::new()));
        let (shown, message) = (Arc::clone(&screen), Arc::clone(&raw));
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
                message
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self {
            screen,
            raw,
            input: pair.master.take_writer().unwrap(),
            child,
            reader,
            _terminal: pair.master,
        }
    }

    fn until(&self, text: &str) {
        self.until_all(&[text]);
    }

    /// Waits until the screen contains these texts. A program writes a screen in several pieces.
    fn until_all(&self, texts: &[&str]) {
        eventually(|| {
            let contents = self.screen.lock().unwrap().screen().contents();
            let is_there = |text: &&str| contents.contains(text);
            if texts.iter().all(is_there) {
                Ok(())
            } else {
                Err(contents)
            }
        });
    }

    fn press(&mut self, keys: &str) {
        // A program that has ended accepts no input.
        let written = self.input.write_all(keys.as_bytes());
        written.and_then(|()| self.input.flush()).ok();
    }

    /// Waits for its end. Returns the exit code and its whole output.
    fn end(mut self) -> (u32, String) {
        let code = eventually(|| match self.child.try_wait().unwrap() {
            Some(status) => Ok(status.exit_code()),
            None => Err(self.screen.lock().unwrap().screen().contents()),
        });
        let is_read = || self.reader.is_finished().then_some(());
        eventually(|| is_read().ok_or("its output has no end"));
        let raw = self.raw.lock().unwrap().clone();
        assert!(!raw.contains(KEY), "{raw}");
        (code, raw)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
    }
}

#[test]
fn tables_have_colour_unless_no_color_is_set() {
    let pool = Pool::warm(1);
    let coloured = Terminal::run(&pool, &[], &["list"]);
    coloured.until_all(&["1 idle", "STATUS"]);
    let (code, raw) = coloured.end();
    assert_eq!(code, 0);
    assert!(raw.contains("\u{1b}[38;5;2midle"), "{raw:?}");

    let plain = Terminal::run(&pool, &[("NO_COLOR", "1")], &["list"]);
    plain.until("STATUS");
    let (_, raw) = plain.end();
    assert!(
        !raw.contains("\u{1b}[3") && !raw.contains("\u{1b}[1"),
        "{raw:?}"
    );
    let json = Terminal::run(&pool, &[], &["list", "--json"]);
    let (code, raw) = json.end();
    assert_eq!(code, 0);
    assert!(raw.contains("\"counts\""), "{raw:?}");
}

#[test]
fn on_a_narrow_terminal_ids_and_titles_are_whole() {
    let pool = Pool::warm(1);
    let id = &pool.ids("idle")[0];
    let narrow = Terminal::of_width(NonZeroU16::new(60).unwrap(), &pool, &[], &["list"]);
    narrow.until_all(&["STATUS", "AGENT", id, "http"]);
}

#[test]
fn a_change_asks_for_confirmation() {
    let pool = Pool::warm(1);
    let id = &pool.ids("idle")[0];
    let mut declined = Terminal::run(&pool, &[], &["kill", id]);
    declined.until("and everything provisioned for it?");
    declined.press("n");
    declined.until("nothing was done");
    assert_eq!(declined.end().0, 1);
    assert_eq!(&pool.ids("idle")[0], id);

    let mut broken_off = Terminal::run(&pool, &[], &["drain", "1"]);
    broken_off.until("Destroy up to 1 idle instance?");
    // The first key may arrive before the question is shown, and is then read once it is.
    eventually(|| {
        broken_off.press("\u{3}");
        let ended = broken_off.child.try_wait().unwrap();
        ended.ok_or("it still asks")
    });
    let (code, raw) = broken_off.end();
    assert_eq!(code, 130, "{raw:?}");
    assert!(
        raw.trim_end().ends_with("interrupted") && raw.contains("\u{1b}[?25h"),
        "{raw:?}"
    );

    let mut killed = Terminal::run(&pool, &[], &["kill", id, "--wait"]);
    killed.until("and everything provisioned for it?");
    killed.press("y");
    killed.until(&format!("{id} destroyed"));
    assert_eq!(killed.end().0, 0);
}

#[test]
fn a_claim_without_a_template_asks_for_one() {
    let pool = Pool::warm(1);
    let mut claim = Terminal::run(&pool, &[], &["claim"]);
    claim.until("Meal Planner");
    claim.press("\u{1b}[B\r");
    claim.until_all(&["✓ reserved", "Meal Planner is ready"]);
    assert_eq!(claim.end().0, 0);
}

#[test]
fn the_fleet_is_watched_live_and_the_terminal_given_back() {
    let pool = Pool::warm(2);
    let mut watch = Terminal::run(&pool, &[], &["watch", "--interval", "0.2"]);
    watch.until_all(&["● live", "STATUS", "q quit"]);
    pool.run(&["claim", "--name", "Tulip"]).done();
    watch.until_all(&["1 claimed", "Tulip"]);
    watch.press("ff");
    watch.until("show: idle");
    assert!(watch.screen.lock().unwrap().screen().alternate_screen());
    let screen = Arc::clone(&watch.screen);
    watch.press("\u{3}");
    let (code, raw) = watch.end();
    assert_eq!(code, 0, "{raw:?}");
    let screen = screen.lock().unwrap();
    assert!(
        !screen.screen().alternate_screen(),
        "the screen is not restored"
    );
    assert!(!screen.screen().hide_cursor(), "the cursor is hidden");
}

#[test]
fn watch_reports_a_lost_connection() {
    let pool = Pool::empty();
    let (_socket, url) = nobody();
    let lost = Terminal::run(&pool, &[("POOL_URL", &url)], &["watch"]);
    lost.until("cannot be reached");
    assert_eq!(lost.end().0, 6);
}

#[test]
fn slow_commands_show_a_progress_bar() {
    let pool = Pool::empty();
    let made = Terminal::run(&pool, &[], &["replenish", "2", "--yes", "--wait"]);
    made.until("2 instances warm");
    let (code, raw) = made.end();
    assert_eq!(code, 0);
    assert!(raw.contains("warming") && raw.contains("/2"), "{raw:?}");
}
