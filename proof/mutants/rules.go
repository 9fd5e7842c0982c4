package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// rules are the mistakes that are made. Each looks at one node of the file,
// under the nodes that hold it. Not all that they make compiles; what does not is
// counted and left out.
var rules = []func(s *source, n ast.Node, stack []ast.Node){
	operators, negations, constants, booleans, deletions, earlyReturns, otherReturns, swaps, drops, cells,
}

// instead says which operators take the place of another.
var instead = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.GEQ: {token.GTR, token.LSS},
	token.GTR: {token.GEQ, token.LEQ}, token.LEQ: {token.LSS, token.GTR},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
}

func operators(s *source, n ast.Node, _ []ast.Node) {
	var at token.Pos
	var op token.Token
	switch n := n.(type) {
	case *ast.BinaryExpr:
		at, op = n.OpPos, n.Op
	case *ast.AssignStmt:
		at, op = n.TokPos, n.Tok
	}
	for _, other := range instead[op] {
		s.put("operator", at, at+token.Pos(len(op.String())), other.String())
	}
}

// negations turn conditions round, but for comparisons, which operators does.
func negations(s *source, n ast.Node, stack []ast.Node) {
	var conditions []ast.Expr
	switch n := n.(type) {
	case *ast.IfStmt:
		conditions = []ast.Expr{n.Cond}
	case *ast.CaseClause:
		if sw, ok := stack[len(stack)-2].(*ast.SwitchStmt); ok && sw.Tag == nil {
			conditions = n.List
		}
	}
	for _, c := range conditions {
		if b, ok := c.(*ast.BinaryExpr); !ok || b.Op == token.LAND || b.Op == token.LOR {
			s.put("negate", c.Pos(), c.End(), "!("+s.of(c)+")")
		}
	}
}

func constants(s *source, n ast.Node, _ []ast.Node) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseInt(lit.Value, 0, 64); err == nil {
		s.put("constant", lit.Pos(), lit.End(), strconv.FormatInt(v+1, 10))
		s.put("constant", lit.Pos(), lit.End(), strconv.FormatInt(v-1, 10))
	}
}

// booleans leaves a field that says true to drops.
func booleans(s *source, n ast.Node, stack []ast.Node) {
	id, ok := n.(*ast.Ident)
	if !ok {
		return
	}
	_, field := stack[len(stack)-1].(*ast.KeyValueExpr)
	switch {
	case field:
	case id.Name == "true":
		s.put("boolean", id.Pos(), id.End(), "false")
	case id.Name == "false":
		s.put("boolean", id.Pos(), id.End(), "true")
	}
}

// deletions leave a statement out.
func deletions(s *source, n ast.Node, _ []ast.Node) {
	var list []ast.Stmt
	switch n := n.(type) {
	case *ast.BlockStmt:
		list = n.List
	case *ast.CaseClause:
		list = n.Body
	}
	for _, stmt := range list {
		switch stmt := stmt.(type) {
		case *ast.AssignStmt:
			if stmt.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.BranchStmt:
		default:
			continue
		}
		s.put("delete", stmt.Pos(), stmt.End(), "")
	}
}

// earlyReturns leave a function before it has begun.
func earlyReturns(s *source, n ast.Node, _ []ast.Node) {
	f, ok := n.(*ast.FuncDecl)
	if !ok || f.Body == nil || len(f.Body.List) == 0 {
		return
	}
	if _, only := f.Body.List[0].(*ast.ReturnStmt); only {
		return // otherReturns sees to it
	}
	zeros := make([]string, 0, f.Type.Results.NumFields())
	for _, t := range results(f.Type) {
		zeros = append(zeros, "*new("+s.of(t)+")")
	}
	at := f.Body.Lbrace + 1
	s.put("return early", at, at, strings.TrimRight(" return "+strings.Join(zeros, ", "), " ")+";")
}

// results are the types of a function's results, one each.
func results(f *ast.FuncType) (types []ast.Expr) {
	if f.Results == nil {
		return nil
	}
	for _, field := range f.Results.List {
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	return types
}

// otherReturns return nothing, or no for yes, instead of a result.
func otherReturns(s *source, n ast.Node, stack []ast.Node) {
	ret, ok := n.(*ast.ReturnStmt)
	if !ok {
		return
	}
	types := results(enclosing(stack))
	if len(types) != len(ret.Results) {
		return // bare, or all of it another function's
	}
	for i, result := range ret.Results {
		text := s.of(result)
		switch t := s.of(types[i]); {
		case slices.Contains([]string{"nil", "true", "false", "0", `""`, t + "{}"}, text):
		case t == "bool":
			s.put("return", result.Pos(), result.End(), "!("+text+")")
		default:
			s.put("return", result.Pos(), result.End(), "*new("+t+")")
		}
	}
}

func enclosing(stack []ast.Node) *ast.FuncType {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return n.Type
		case *ast.FuncLit:
			return n.Type
		}
	}
	return &ast.FuncType{}
}

// swaps exchange two arguments that stand side by side, but for those of a text
// for a person.
func swaps(s *source, n ast.Node, _ []ast.Node) {
	call, ok := n.(*ast.CallExpr)
	if !ok || call.Ellipsis.IsValid() || slices.ContainsFunc(call.Args, isFormat) {
		return
	}
	for i := range len(call.Args) - 1 {
		a, b := call.Args[i], call.Args[i+1]
		if plain(a) && plain(b) {
			s.put("swap", a.Pos(), b.End(), s.of(b)+", "+s.of(a))
		}
	}
}

func isFormat(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING && strings.Contains(lit.Value, "%")
}

// plain tells whether an argument may be of the same type as its neighbour: text
// and functions seldom are, and a context never.
func plain(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind != token.STRING
	case *ast.FuncLit:
		return false
	case *ast.Ident:
		return e.Name != "ctx"
	}
	return true
}

// drops leave out one element of a composite: a field, an entry, a cell. Expect
// is left alone: it is a guess that saves a read, and Decide decides again by the
// state that it finds.
func drops(s *source, n ast.Node, _ []ast.Node) {
	lit, ok := n.(*ast.CompositeLit)
	if !ok {
		return
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && s.of(kv.Key) == "Expect" {
			continue
		}
		end := e.End()
		if rest := s.text[s.offset(end):]; len(rest) > 0 && rest[0] == ',' {
			end++
		}
		s.put("drop", e.Pos(), end, "")
	}
}
