package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// plotGrowth draws operations a second by objects, a line a load, into an SVG file. Both axes are logarithmic.
func (r *report) plotGrowth(file string) error {
	p := plot.New()
	p.BackgroundColor = color.White
	p.X.Label.Text, p.Y.Label.Text = "objects there already", "operations a second"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.YOffs = true, vg.Millimeter
	p.Add(plotter.NewGrid())
	for i, like := range r.Growth[0].Results {
		var points plotter.XYs
		for _, g := range r.Growth {
			points = append(points, plotter.XY{X: float64(g.Objects), Y: g.Results[i].median()})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, dots.Color, dots.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		p.Add(line, dots)
		p.Legend.Add(like.title(), line, dots)
	}
	p.Y.Min, p.Y.Max = p.Y.Min/2, p.Y.Max*10 // for the legend
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, file)
}
