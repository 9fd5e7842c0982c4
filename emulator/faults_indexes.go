package emulator

import (
	"regexp"
	"strings"
)

// indexed is the entries that each item has in its table's indexes, as far as
// the writes that passed here tell: by item, then by index.
type indexed map[string]entries

// entries are the keys in an index, by its name.
type entries map[string]entry

// entry is the key of an item in an index.
type entry struct{ partition, sort string }

// costs is what a call takes of its items and of the index partitions that it
// changes. An index entry costs a unit to write and another to delete, in a
// transaction or not; one that stays as it is costs nothing, since only keys are
// projected.
func (x indexed) costs(c *call) (all []cost) {
	for i, t := range c.touches {
		all = append(all, cost{i, t.item, t.units(c.transacts())})
		before, after := x[t.item], x.after(t)
		for _, index := range t.schema.Indexes {
			old, next := before[index.Name], after[index.Name]
			if old == next {
				continue
			}
			for _, e := range []entry{old, next} {
				if e != (entry{}) {
					all = append(all, cost{i, t.table + "/" + index.Name + "/" + e.partition, 1})
				}
			}
		}
	}
	return all
}

// remember takes up what a call has written.
func (x indexed) remember(c *call) {
	for _, t := range c.touches {
		if after := x.after(t); len(after) > 0 {
			x[t.item] = after
		} else {
			delete(x, t.item)
		}
	}
}

// after is the entries that an item has once it is touched.
func (x indexed) after(t touch) entries {
	switch t.kind {
	case put:
		return entriesOf(t, t.Item, nil)
	case update:
		return entriesOf(t, t.assigned(), x[t.item])
	case check:
		return x[t.item]
	}
	return nil
}

// entriesOf is the entries of an item with these attributes. What they do not say
// is as before; an index has an entry only for an item with both of its keys.
func entriesOf(t touch, item attributes, before entries) entries {
	all := make(entries)
	for _, index := range t.schema.Indexes {
		e := entry{value(item[index.Key.Partition]), value(item[index.Key.Sort])}
		if item[index.Key.Partition] == nil {
			e.partition = before[index.Name].partition
		}
		if item[index.Key.Sort] == nil {
			e.sort = before[index.Name].sort
		}
		if e.partition != "" && e.sort != "" {
			all[index.Name] = e
		}
	}
	return all
}

// The clauses of an update expression that matter to an index: a name set to a
// value, and names removed.
var (
	setClause    = regexp.MustCompile(`(#?\w+)\s*=\s*(:\w+)`)
	removeClause = regexp.MustCompile(`REMOVE\s+([#\w,\s]+?)(?:\s+(?:SET|ADD|DELETE)\b|$)`)
)

// assigned are the attributes that an update sets to a value of the request, its
// key, and with an empty value those that it removes.
func (t touch) assigned() attributes {
	set := make(attributes)
	for name, v := range t.Key {
		set[name] = v
	}
	for _, m := range setClause.FindAllStringSubmatch(t.UpdateExpression, -1) {
		set[t.name(m[1])] = t.ExpressionAttributeValues[m[2]]
	}
	for _, m := range removeClause.FindAllStringSubmatch(t.UpdateExpression, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			set[t.name(strings.TrimSpace(name))] = map[string]any{}
		}
	}
	return set
}

// name is an attribute's own name, where the expression has another for it.
func (t touch) name(n string) string {
	if own, ok := t.ExpressionAttributeNames[n]; ok {
		return own
	}
	return n
}
