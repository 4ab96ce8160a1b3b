//! The queue between the loggers and the thread that writes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use metrics::counter;
use tracing_subscriber::fmt::MakeWriter;

/// Maximum number of lines, and of bytes, that wait to be written.
const MOST_LINES: usize = 8192;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Takes whole lines and returns at once.
#[derive(Debug, Clone)]
pub(super) struct LogQueue {
    sender: SyncSender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    lost_lines: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Answered once everything before it is written or lost.
    Flush(mpsc::Sender<()>),
}

impl LogQueue {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MOST_LINES);
        let counts = Arc::<Counts>::default();
        let writer = Writer {
            sink,
            counts: Arc::clone(&counts),
            torn: false,
            reported: 0,
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.run(&receiver))?;
        Ok(Self { sender, counts })
    }

    /// Waits until everything logged so far is written or lost, at most for `within`.
    pub(super) fn flush(&self, within: Duration) {
        let (done, written) = mpsc::channel();
        // If the queue is full, the writer is stuck, so there is nothing to wait for.
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            let _ = written.recv_timeout(within);
        }
    }

    fn push(&self, line: &[u8]) {
        let waiting = self
            .counts
            .waiting_bytes
            .fetch_add(line.len(), Ordering::Relaxed);
        let fits = waiting + line.len() <= MOST_BYTES;
        if !fits || self.sender.try_send(Message::Line(line.to_vec())).is_err() {
            self.counts
                .waiting_bytes
                .fetch_sub(line.len(), Ordering::Relaxed);
            self.counts.lose();
        }
    }

    #[cfg(test)]
    fn lost(&self) -> u64 {
        self.counts.lost_lines.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn lose(&self) {
        let lost = self.lost_lines.fetch_add(1, Ordering::Relaxed) + 1;
        counter!("agent_pool_log_lines_lost_total").absolute(lost);
    }
}

/// The subscriber formats an event and writes it with one call, so that each write is one whole line.
impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The state of the writing thread.
struct Writer<W> {
    sink: W,
    counts: Arc<Counts>,
    /// The last line was written in part, so the next one must start on a new line.
    torn: bool,
    /// How many lost lines have been reported in the log.
    reported: u64,
}

impl<W: Write> Writer<W> {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            match message {
                Message::Line(line) => {
                    if self.write(&line).is_err() {
                        self.counts.lose();
                    } else {
                        self.report_losses();
                    }
                    self.counts
                        .waiting_bytes
                        .fetch_sub(line.len(), Ordering::Relaxed);
                }
                Message::Flush(done) => {
                    let _ = self.sink.flush();
                    let _ = done.send(());
                }
            }
        }
    }

    /// Reports the number of lost lines once lines can be written again.
    fn report_losses(&mut self) {
        let lost = self.counts.lost_lines.load(Ordering::Relaxed);
        if lost > self.reported {
            let missing = lost - self.reported;
            let line = format!(
                "{{\"level\":\"WARN\",\"message\":\"{missing} log lines were lost: the log could not be \
                 written\"}}\n"
            );
            if self.write(line.as_bytes()).is_ok() {
                self.reported = lost;
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.sink.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.sink.write(rest) {
                Ok(0) => {
                    return Err(self.tear(rest.len() < line.len(), io::ErrorKind::WriteZero.into()));
                }
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.tear(rest.len() < line.len(), error)),
            }
        }
        Ok(())
    }

    fn tear(&mut self, in_part: bool, error: io::Error) -> io::Error {
        self.torn = in_part;
        error
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// A disk that accepts a limited number of bytes, and then refuses writes until it is emptied.
    #[derive(Clone)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        free: Arc<AtomicUsize>,
    }

    impl Disk {
        fn with_free(free: usize) -> Self {
            Self {
                written: Arc::default(),
                free: Arc::new(AtomicUsize::new(free)),
            }
        }

        fn text(&self) -> String {
            String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = self.free.load(Ordering::Relaxed).min(bytes.len());
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.free.fetch_sub(fits, Ordering::Relaxed);
            self.written.lock().unwrap().extend(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A reader that has stopped reading: it blocks the writer until it is released.
    #[derive(Clone, Default)]
    struct Stuck(Arc<(Mutex<bool>, Condvar)>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (open, changed) = &*self.0;
            let waited = changed.wait_while(open.lock().unwrap(), |open| !*open);
            drop(waited.unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_lines_counts_them_and_tears_none() {
        let disk = Disk::with_free(9);
        let mut queue = LogQueue::start(disk.clone()).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        queue.flush(SOON);
        assert_eq!((disk.text().as_str(), queue.lost()), ("first\nsec", 2));
        disk.free.store(1000, Ordering::Relaxed);
        queue.write_all(b"fourth\n").unwrap();
        queue.flush(SOON);
        let text = disk.text();
        assert!(text.starts_with("first\nsec\nfourth\n"), "{text}");
        assert!(text.contains("2 log lines were lost"), "{text}");
    }

    #[test]
    fn a_log_that_nobody_reads_blocks_nobody() {
        let stuck = Stuck::default();
        let mut queue = LogQueue::start(stuck.clone()).unwrap();
        for _ in 0..MOST_LINES + 100 {
            queue.write_all(b"line\n").unwrap();
        }
        assert!(queue.lost() >= 99, "{}", queue.lost());
        let large = vec![b'x'; MOST_BYTES + 1];
        let before = queue.lost();
        queue.write_all(&large).unwrap();
        assert_eq!(queue.lost(), before + 1);
        *stuck.0.0.lock().unwrap() = true;
        stuck.0.1.notify_all();
    }
}
