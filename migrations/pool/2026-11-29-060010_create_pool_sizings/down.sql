DROP TABLE pool_sizings;
