DROP TABLE tick_state;
