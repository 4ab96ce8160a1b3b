DROP TABLE vendor_notices;
