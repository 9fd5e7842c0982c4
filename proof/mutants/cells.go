package main

import (
	"go/ast"
	"slices"
)

// operations are the calls that a cell may ask for.
var operations = []string{"event.Capture", "event.Void", "event.Refund"}

// otherStates bounds how many other states a cell is made to write.
const otherStates = 2

// cells make the mistakes of a decision table, which is data: a cell writes
// another state, or one where it should write none; sends another event; asks for
// another call; a column ignores what it should call unreachable. What is left
// out of a cell, or the cell itself, drops sees to.
func cells(s *source, n ast.Node, stack []ast.Node) {
	lit, ok := n.(*ast.CompositeLit)
	if !ok {
		return
	}
	switch {
	case lit.Type == nil && len(stack) > 1 && typeOf(s, stack[len(stack)-2]) == "cells":
		s.cell(lit, s.of(stack[len(stack)-1].(*ast.KeyValueExpr).Key))
	case typeOf(s, lit) == "column" && value(lit, "Elsewhere") == nil:
		s.put("ignore", lit.Lbrace+1, lit.Lbrace+1, "Elsewhere: true, ")
	}
}

func (s *source) cell(lit *ast.CompositeLit, found string) {
	if to := value(lit, "To"); to != nil {
		for _, state := range others(s.states, s.of(to), otherStates) {
			s.put("other state", to.Pos(), to.End(), state)
		}
	} else {
		for _, state := range others(s.states, found, 1) {
			s.put("write", lit.Lbrace+1, lit.Lbrace+1, "To: "+state+", ")
		}
	}
	if send := value(lit, "Send"); send != nil {
		for _, e := range others(s.events, s.of(send), 1) {
			s.put("other event", send.Pos(), send.End(), e)
		}
	}
	if call := value(lit, "Call"); call != nil {
		for _, op := range others(operations, s.of(call), len(operations)) {
			s.put("other call", call.Pos(), call.End(), op)
		}
	}
}

// others are at most n of a list that follow the one given, round its end.
func others(list []string, one string, n int) (rest []string) {
	at := slices.Index(list, one)
	for i := range list {
		if next := list[(at+1+i)%len(list)]; next != one && len(rest) < n {
			rest = append(rest, next)
		}
	}
	return rest
}

func typeOf(s *source, n ast.Node) string {
	if lit, ok := n.(*ast.CompositeLit); ok && lit.Type != nil {
		return s.of(lit.Type)
	}
	return ""
}

// value is what a composite gives to a field, nil if nothing.
func value(lit *ast.CompositeLit, field string) ast.Expr {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
				return kv.Value
			}
		}
	}
	return nil
}

// fieldValues are the names that the composites of a file give to a field, each
// once.
func fieldValues(file *ast.File, field string) (names []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		name := ""
		switch v := value(lit, field).(type) {
		case *ast.Ident:
			name = v.Name
		case *ast.SelectorExpr:
			if of, ok := v.X.(*ast.Ident); ok {
				name = of.Name + "." + v.Sel.Name
			}
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
		return true
	})
	return names
}
