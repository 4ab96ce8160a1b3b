// The pages work without this script. It saves the reload.
