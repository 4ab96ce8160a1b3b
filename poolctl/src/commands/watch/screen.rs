//! The terminal during `watch`: raw mode and alternate screen, restored however it ends.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{SignalKind, signal};

use super::draw::draw;
use super::follow::follow;
use super::view::{Turn, View};
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;

/// How often ages are updated if nothing else changes.
const AGEING: Duration = Duration::from_secs(1);

/// The terminal in raw mode. It is restored when this is dropped, also after a panic.
struct Screen(DefaultTerminal);

impl Screen {
    fn take() -> io::Result<Self> {
        Ok(Self(ratatui::try_init()?))
    }

    fn draw(&mut self, view: &mut View) -> io::Result<()> {
        self.0.draw(|frame| draw(frame, view)).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::try_restore().ok();
    }
}

/// Runs until q, Ctrl-C or SIGTERM. A failed request is shown and retried.
pub(super) async fn show(target: &Target, every: Duration) -> Result<Exit, Failure> {
    // A wrong key or address ends the view, so that the error stays readable in the terminal.
    let first = target.pool.status().await;
    let first = first.map_err(|error| Failure::of_call("watch the pool", &error))?;
    let mut view = View::new(target.pool.base(), first);
    let broken = |error: io::Error| {
        Failure::new(
            Exit::Failed,
            "no_terminal",
            format!("cannot draw on the terminal: {error}"),
        )
    };
    let mut screen = Screen::take().map_err(broken)?;
    run(&mut screen, &mut view, target, every)
        .await
        .map_err(broken)?;
    Ok(Exit::Done)
}

async fn run(
    screen: &mut Screen,
    view: &mut View,
    target: &Target,
    every: Duration,
) -> io::Result<()> {
    let mut looks = follow(&target.pool, every);
    let mut keys = EventStream::new();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut ageing = tokio::time::interval(AGEING);
    loop {
        screen.draw(view)?;
        tokio::select! {
            Some(look) = looks.recv() => view.look(look),
            key = keys.next() => match key {
                Some(Ok(event)) if ends(&event) => return Ok(()),
                Some(Ok(event)) => turn(view, &event),
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            _ = terminated.recv() => return Ok(()),
            _ = ageing.tick() => {}
        }
    }
}

fn ends(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other keys have no meaning here"
)]
fn turn(view: &mut View, event: &Event) {
    let Event::Key(key) = event else { return };
    if key.kind == KeyEventKind::Release {
        return;
    }
    view.turn(match key.code {
        KeyCode::Down | KeyCode::Char('j') => Turn::Down,
        KeyCode::Up | KeyCode::Char('k') => Turn::Up,
        KeyCode::PageDown | KeyCode::Char(' ') => Turn::PageDown,
        KeyCode::PageUp => Turn::PageUp,
        KeyCode::Home | KeyCode::Char('g') => Turn::First,
        KeyCode::End | KeyCode::Char('G') => Turn::Last,
        KeyCode::Char('s') => Turn::NextSort,
        KeyCode::Char('f') => Turn::NextFilter,
        _ => return,
    });
}
