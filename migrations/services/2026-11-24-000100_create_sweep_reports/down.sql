DROP TABLE sweep_reports;
