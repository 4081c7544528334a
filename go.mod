module github.com/bedside-lm/bedside

go 1.26
