package graphqlhttp

import "github.com/vektah/gqlparser/v2/validator/rules"

// rulesWithoutSuggestions are GraphQL's rules, saying nothing of the schema
// that the client has not said. gqlgen itself swaps the two rules about fields.
func rulesWithoutSuggestions() *rules.Rules {
	all := rules.NewDefaultRules()
	all.RemoveRule(rules.KnownArgumentNamesRule.Name)
	all.AddRule(rules.KnownArgumentNamesRuleWithoutSuggestions.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	all.RemoveRule(rules.KnownTypeNamesRule.Name)
	all.AddRule(rules.KnownTypeNamesRuleWithoutSuggestions.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	all.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	all.AddRule(rules.ValuesOfCorrectTypeRuleWithoutSuggestions.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return all
}
