DROP TABLE recipe_salt;
