//! The fleet on a screen.

use agent_pool_core::wire::pool::{InstanceView, Status};
use chrono::{DateTime, Local, Utc};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table, Wrap};

use super::view::View;
use crate::commands::list::{alarms, statuses};
use crate::out::{age, ago, plain};

const HEAD: [&str; 6] = ["STATUS", "ID", "AGENT", "AGE", "HEALTHY", "URL"];
const WIDTHS: [Constraint; 6] = [
    Constraint::Length(10),
    Constraint::Length(12),
    Constraint::Fill(2),
    Constraint::Length(6),
    Constraint::Length(10),
    Constraint::Fill(3),
];
/// In columns of the terminal.
const NARROW: u16 = 90;

/// Draws the whole view.
pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View) {
    let now = Utc::now();
    let alarms = warnings(view, now);
    let height = u16::try_from(alarms.len()).unwrap_or_default();
    let parts = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(height),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [title, counts, alarm, _, table, keys] = Layout::vertical(parts).areas(frame.area());
    head(frame, title, view);
    frame.render_widget(summary(view), counts);
    frame.render_widget(Paragraph::new(alarms).wrap(Wrap { trim: true }), alarm);
    fleet(frame, table, view, now);
    frame.render_widget(help(view), keys);
}

fn head(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let state = match view.error {
        None => "● live".green(),
        Some(_) => "● lost".red().bold(),
    };
    let clock = Local::now().format(" %H:%M:%S ").to_string();
    let right = Line::from(vec![state, clock.dim()]);
    let width = u16::try_from(right.width()).unwrap_or_default();
    let parts = [Constraint::Fill(1), Constraint::Length(width)];
    let [left, corner] = Layout::horizontal(parts).areas(area);
    let url = view.url.as_str().trim_end_matches('/').to_owned();
    frame.render_widget(Line::from(vec!["agent-pool ".bold(), url.dim()]), left);
    frame.render_widget(right, corner);
}

/// Every status with its count; those with none are dim.
fn summary(view: &View) -> Line<'static> {
    let mut spans = Vec::new();
    for (status, count) in statuses(&view.fleet.counts) {
        let number = Span::from(count.to_string());
        let (number, word) = match count {
            0 => (
                number.dim(),
                Span::from(format!(" {}   ", status.as_str())).dim(),
            ),
            _ => (
                number.bold(),
                Span::styled(format!(" {}   ", status.as_str()), colour(status)),
            ),
        };
        spans.extend([number, word]);
    }
    let wanted = format!(
        "(target {} idle, limit {})",
        view.fleet.min_idle, view.fleet.max_total
    );
    spans.push(wanted.dim());
    Line::from(spans)
}

fn warnings(view: &View, now: DateTime<Utc>) -> Vec<Line<'static>> {
    let lost = view
        .error
        .iter()
        .map(|error| format!("{}; retrying", plain(error)));
    let all = lost.chain(alarms(&view.fleet, now));
    all.map(|text| Line::from(format!("! {text}").red()))
        .collect()
}

fn fleet(frame: &mut Frame<'_>, area: Rect, view: &mut View, now: DateTime<Utc>) {
    view.page = usize::from(area.height.saturating_sub(1));
    let rows: Vec<Row<'static>> = view
        .rows()
        .into_iter()
        .map(|it| row(view, it, now))
        .collect();
    if rows.is_empty() {
        let nothing = match view.filter {
            None => "No instances.".to_owned(),
            Some(status) => format!("No instance is {}.", status.as_str()),
        };
        frame.render_widget(Line::from(nothing.dim()), area);
        return;
    }
    // On a narrow terminal, URLs are omitted first.
    let columns = if area.width < NARROW { 5 } else { 6 };
    let head = HEAD.into_iter().take(columns);
    let table = Table::new(rows, WIDTHS.into_iter().take(columns))
        .header(Row::new(head).dim().bold())
        .row_highlight_style(Style::new().reversed());
    frame.render_stateful_widget(table, area, &mut view.table);
}

fn row(view: &View, it: &InstanceView, now: DateTime<Utc>) -> Row<'static> {
    let status = Span::styled(it.status.as_str(), colour(it.status));
    let healthy = it.last_healthy_at.map(|at| ago(at, now));
    let url = it.url.as_ref().map_or("-", url::Url::as_str);
    let cells = [
        Line::from(status),
        Line::from(it.id.to_string()),
        Line::from(it.agent_name.as_ref().map_or_else(|| "-".to_owned(), plain)),
        Line::from(age(it.created_at, now)),
        Line::from(healthy.unwrap_or_else(|| "-".to_owned())),
        Line::from(url.to_owned().dim()),
    ];
    let row = Row::new(cells);
    if view.is_new(it) { row.bold() } else { row }
}

fn help(view: &View) -> Line<'static> {
    let filter = view.filter.map_or("all", Status::as_str);
    let shown = view.rows().len();
    let text = format!(
        "↑↓ move   f show: {filter}   s sort: {}   q quit   {shown} of {}",
        view.sort.word(),
        view.fleet.instances.len()
    );
    Line::from(text.dim())
}

const fn colour(status: Status) -> Style {
    match status {
        Status::Idle => Style::new().fg(Color::Green),
        Status::Claimed => Style::new().fg(Color::Cyan),
        Status::Starting | Status::Claiming => Style::new().fg(Color::Yellow),
        Status::Crashed => Style::new().fg(Color::Red),
        Status::Destroying => Style::new().fg(Color::DarkGray),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use agent_pool_client::CallError;

    #[test]
    fn ten_thousand_instances_are_drawn_in_little_time_and_on_any_screen() {
        let fleet = crate::commands::list::tests::fleet(10_000);
        let mut view = View::new(&"http://h".parse().unwrap(), fleet);
        for (width, height) in [(120, 40), (40, 10), (1, 1)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(frame, &mut view)).unwrap();
        }
        view.look(Err(CallError::TimedOut {
            service: "Pool",
            after: std::time::Duration::from_secs(1),
        }));
        let mut terminal = Terminal::new(TestBackend::new(100, 20)).unwrap();
        terminal.draw(|frame| draw(frame, &mut view)).unwrap();
        let shown = terminal.backend().to_string();
        assert!(
            shown.contains("● lost") && shown.contains("Pool did not answer"),
            "{shown}"
        );
        assert!(shown.contains("10000 of 10000"), "{shown}");
    }
}
